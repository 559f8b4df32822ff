import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openEngine } from './engine.ts';
import {
  eventsOf,
  historyOf,
  recordOf,
  sage,
  start,
  sumsOf,
  temporaryFolder,
  tinyConfig,
  trained,
  weightsOf,
} from './support.ts';

const keepAll = { checkpoints: { every: 2, keep: 9 } };

interface Changed {
  path: string;
  from: unknown;
  to: unknown;
}
type Settings = Record<string, Record<string, unknown>>;
const recorded = (runFolder: string) =>
  recordOf(runFolder) as ReturnType<typeof recordOf> & {
    config: Settings;
    changes?: (Changed & { iteration: number })[];
  };
const resumptions = (runFolder: string) => eventsOf(runFolder).filter(({ kind }) => kind === 'run_resumed');
const iterations = (runFolder: string) =>
  historyOf(runFolder).filter((event) => (event as { kind: string }).kind === 'iteration');

/** What the second test sets. */
const changed = ['policy.threads', 'training.iterations', 'evaluation.every', 'checkpoints.every', 'videos.every'];

let reference = '';
let runFolder = '';

beforeAll(async () => {
  const [one, other] = [temporaryFolder(), temporaryFolder()];
  reference = await trained(tinyConfig(one, keepAll), path.join(one, 'runs'));
  const shorter = { ...keepAll, training: { iterations: 4, micro_batch: 2 } };
  runFolder = await trained(tinyConfig(other, shorter), path.join(other, 'runs'));
});

describe('resume --set', () => {
  test('refuses what cannot be changed, and leaves the run as it is to the bit', async () => {
    const before = sumsOf(runFolder);
    for (const [override, message] of [
      ['exploration.eta=0.4', 'error[resume/key]: exploration.eta stays what it was for as long as a run lasts.'],
      ['training.micro_batch=0', '--set training.micro_batch=0: error: training.micro_batch is 0, but must be'],
      ['training.micro_batch=4', 'error[resume/batch]: A training.micro_batch of 4 takes 4 samples at once'],
    ]) {
      const { code, stderr } = await sage(['resume', runFolder, '--set', 'checkpoints.keep=5', '--set', override]);
      expect(stderr).toContain(message);
      expect(code).toBe(2);
    }
    expect(sumsOf(runFolder)).toEqual(before);

    const { code, stderr } = await sage(['resume', runFolder, '--iterations', '3']);
    expect(stderr).toContain('The run would go on after iteration 4, which is beyond training.iterations, 3.');
    expect(code).toBe(2);
    expect({ ...sumsOf(runFolder), 'engine.log': '' }).toEqual({ ...before, 'engine.log': '' });
  });

  test('trains longer, with other threads, evaluations, checkpoints and videos, and has the bits of a run that was so from its start', async () => {
    const overrides = ['policy.threads=2', 'evaluation.every=1', 'checkpoints.every=1', 'videos.every=0'];
    const sets = overrides.flatMap((override) => ['--set', override]);
    const { code, stdout } = await sage(['resume', runFolder, '--iterations', '6', ...sets]);
    expect(stdout).toContain('training.iterations: 4 → 6\n');
    expect(code).toBe(0);
    expect(weightsOf(runFolder, 6)).toEqual(weightsOf(reference, 6));
    expect(Object.keys(weightsOf(runFolder, 5))).toContain('optimizer.safetensors');
    expect(iterations(runFolder)).toEqual(iterations(reference));

    const changes = [
      { path: 'policy.threads', from: 1, to: 2 },
      { path: 'training.iterations', from: 4, to: 6 },
      { path: 'evaluation.every', from: 3, to: 1 },
      { path: 'checkpoints.every', from: 2, to: 1 },
      { path: 'videos.every', from: 4, to: 0 },
    ];
    const { config, changes: known } = recorded(runFolder);
    expect(config).toMatchObject({ policy: { threads: 2 }, training: { iterations: 6 }, checkpoints: { every: 1 } });
    expect(known).toEqual(changes.map((change) => ({ ...change, iteration: 4, time: expect.any(String) })));
    expect(resumptions(runFolder)).toMatchObject([{ fromIteration: 4, changes }]);
    const shown = await sage(['inspect', runFolder]);
    expect(shown.stdout).toContain('iterations  6 of 6');
    expect(shown.stdout).toMatch(/^changed {5}training\.iterations 4 → 6, after iteration 4 \(\d{4}-\d\d-\d\d\)$/m);
    const summary = JSON.parse((await sage(['inspect', runFolder, '--json'])).stdout) as object;
    expect(summary).toMatchObject({ changes: known, config: { training: { iterations: 6 } } });
    await sage(['report', runFolder, '--output', path.join(runFolder, 'report.html')]);
    expect(readFileSync(path.join(runFolder, 'report.html'), 'utf8')).toContain(
      'training.iterations from 4 to 6 after iteration 4',
    );
  });

  test('keeps the samples of an update where a micro-batch is smaller, through a kill, a second resume and back', async () => {
    const smaller = [
      { path: 'training.micro_batch', from: 2, to: 1 },
      { path: 'training.accumulation', from: 1, to: 2 },
    ];
    const trainer = start(['resume', runFolder, '--from', '2', '--set', 'training.micro_batch=1', '--json']);
    await trainer.prints(/"stage":"update","iteration":3/);
    trainer.child.kill('SIGKILL');
    await trainer.ended;
    expect(recorded(runFolder).config.training).toMatchObject({ micro_batch: 1, accumulation: 2, iterations: 6 });
    // What was set after iteration 4 holds from here on, now that the run goes on from an earlier one.
    const paths = [...changed, ...smaller.map((change) => change.path)];
    expect(recorded(runFolder).changes).toMatchObject(paths.map((each) => ({ path: each, iteration: 2 })));

    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0 });
    expect(resumptions(runFolder)).toHaveLength(1);
    expect(resumptions(runFolder)[0].changes).toEqual(expect.arrayContaining(smaller));
    const updates = (folder: string) => iterations(folder).map((event) => (event as { updates: number }).updates);
    expect(updates(runFolder)).toEqual(updates(reference));
    expect(weightsOf(runFolder, 6)).not.toEqual(weightsOf(reference, 6));

    expect(await sage(['resume', runFolder, '--from', '2', '--set', 'training.micro_batch=2'])).toMatchObject({
      code: 0,
    });
    expect(weightsOf(runFolder, 6)).toEqual(weightsOf(reference, 6));
    expect(iterations(runFolder)).toEqual(iterations(reference));
    expect(recorded(runFolder).changes!.map((change) => change.path)).toEqual(changed);
  });

  test('is asked for by an editor as well', async () => {
    const engine = await openEngine(path.dirname(runFolder));
    const run = path.basename(runFolder);
    const refused = await engine.refusal('run/resume', { run, overrides: ['exploration.eta=0.4'] });
    expect(refused).toMatchObject({ code: 'resume/key', place: { key: 'exploration.eta' } });
    await engine.resume({ run, overrides: ['training.iterations=7', 'checkpoints.keep=8'] });
    expect(await engine.ask('run/inspect', { run })).toMatchObject({
      iterationsPlanned: 7,
      config: { checkpoints: { keep: 8 } },
      changes: expect.arrayContaining([
        expect.objectContaining({ path: 'checkpoints.keep', from: 9, to: 8, iteration: 6 }),
      ]),
    });
  });
});
