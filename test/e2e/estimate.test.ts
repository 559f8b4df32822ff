import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { estimateConfig } from '../../engine/config/estimate/estimate.ts';
import { loadConfig } from '../../engine/config/load.ts';
import { inspectRun } from '../../engine/run/inspect.ts';
import { readEvents } from '../../engine/run/event-log.ts';
import { runPaths } from '../../engine/run/folder.ts';
import { onlyRun, sage, temporaryFolder } from './support.ts';

const root = path.resolve(import.meta.dirname, '../..');
const preset = path.join(root, 'examples', 'shapes.sage.yaml');
const short = ['training.iterations=2', 'evaluation.every=0', 'checkpoints.every=1'];

/** Trains in a process that leaves the kernel's high-water mark of its memory behind. */
async function train(folder: string, overrides: readonly string[]): Promise<{ runFolder: string; peakBytes: number }> {
  const [preload, mark] = [path.join(folder, 'preload.mjs'), path.join(folder, 'status')];
  writeFileSync(
    preload,
    `import { readFileSync, writeFileSync } from 'node:fs';
    import { isMainThread } from 'node:worker_threads';
    if (isMainThread) process.on('exit', () => writeFileSync(${JSON.stringify(mark)}, readFileSync('/proc/self/status')));\n`,
  );
  const flags = [...overrides].flatMap((each) => ['--set', each]);
  const { code, text } = await sage(['train', preset, '--runs', path.join(folder, 'runs'), ...flags], {
    env: { ...process.env, NODE_OPTIONS: `--import=${pathToFileURL(preload).href}` },
  });
  expect(code, text).toBe(0);
  const peakBytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(mark, 'utf8'))![1]) * 1024;
  return { runFolder: onlyRun(path.join(folder, 'runs')), peakBytes };
}

describe.runIf(process.platform === 'linux')('a training of the embedded model', () => {
  test.each([
    ['as it comes', []],
    ['on one thread with guidance', ['policy.threads=1', 'sampling.guidance=3']],
    ['of many rollouts', ['rollout.prompts_per_iteration=16', 'rollout.generations=32', 'training.micro_batch=128']],
  ])('%s needs the memory and the disk that were estimated, within 25 %%', async (_, own) => {
    const overrides = [...short, ...own];
    const { runFolder, peakBytes } = await train(temporaryFolder(), overrides);
    const { memory, disk, work } = estimateConfig(loadConfig(preset, overrides).config);
    expect(memory.total / peakBytes).toBeGreaterThan(0.75);
    expect(memory.total / peakBytes).toBeLessThan(1.25);

    const { checkpoints } = await inspectRun(runFolder);
    expect(checkpoints.length).toBeLessThanOrEqual(disk.checkpoints);
    for (const { bytes } of checkpoints) expect(disk.checkpointBytes / bytes).toBeCloseTo(1, 2);
    const events = await readEvents(runPaths(runFolder).events);
    const written = events.flatMap((event) =>
      event.kind === 'rollouts' || event.kind === 'evaluation_videos' ? event.videos : [],
    );
    expect(written.length).toBe(disk.videos);
    const evaluations = events.filter((event) => event.kind === 'evaluation');
    expect(evaluations.map(({ videos }) => videos)).toEqual(Array(work.evaluations).fill(work.evaluationVideos));
  });
});
