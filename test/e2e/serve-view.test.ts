import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openEventLog } from '../../engine/run/event-log.ts';
import { createRun, runPaths, updateRun } from '../../engine/run/folder.ts';
import { config as sampleConfig, evaluationEvent, iterationEvent, provenance } from '../unit/run/sample-run.ts';
import { openEngine, type Observed } from './engine.ts';
import { checkpointsOf, eventsOf, recordOf, temporaryFolder, tinyConfig, until } from './support.ts';

const iterationsOf = (runFolder: string) =>
  eventsOf(runFolder).flatMap(({ kind, iteration }) => (kind === 'iteration' ? [iteration] : []));
const lastOf = ({ view }: Observed) => view?.series.last.at(-1) ?? 0;
const statusOf = ({ view }: Observed) => view?.glance.status;

test('a dashboard that saw a run from its start shows what one shows that is opened when it is over', async () => {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  const [engine, blind] = await Promise.all([openEngine(runs), openEngine(runs)]);
  const blocks = { training: { iterations: 12, micro_batch: 4 } };
  const { run, folder: runFolder } = await engine.launch({ file: tinyConfig(folder, blocks) });
  const live = await engine.observe(run);
  await until(() => lastOf(live) > 0);
  expect(statusOf(live)).toBe('running');
  await until(() => statusOf(live) === 'finished');
  await until(() => live.view!.glance.lastSeq === eventsOf(runFolder).length);
  expect(live.begins).toBe(1);
  expect(live.messages).toBeGreaterThan(2);
  expect(live.view!.series.first).toEqual(iterationsOf(runFolder));
  expect(live.view!.checkpoints.map(({ iteration }) => iteration)).toEqual(checkpointsOf(runFolder));

  const late = await engine.observe(run);
  await until(() => late.view !== null);
  expect(late.view).toEqual(live.view);
  expect(await blind.ask('run/series', { run, first: 0, last: 100 })).toEqual(live.view!.series);
  const part = await engine.ask('run/series', { run, first: 4, last: 6 });
  expect([part.first, part.scalars.reward.mean]).toEqual([
    [4, 5, 6],
    live.view!.series.scalars.reward.mean.slice(3, 6),
  ]);

  expect(live.view!.written.map(({ kind, iteration }) => [kind, iteration])).toContainEqual(['rollouts', 4]);
  for (const { kind, iteration, videos } of live.view!.written) {
    const found = await engine.ask('run/videos', { run, kind, iteration });
    expect(await blind.ask('run/videos', { run, kind, iteration })).toEqual(found);
    expect(found.videos).toHaveLength(videos);
    const { data } = await engine.ask('run/readFile', { run, path: found.videos[0].file, length: 12 });
    expect(Buffer.from(data, 'base64').toString('latin1', 4, 8)).toBe('ftyp');
  }
  const missing = { run, kind: 'rollouts', iteration: 5 } as const;
  expect(await engine.refusal('run/videos', missing)).toMatchObject({ code: 'videos/unknown' });

  const { messages } = late;
  await engine.ask('run/unobserve', { observation: late.observation });
  appendFileSync(runPaths(runFolder).events, 'no event\n{}\n');
  await until(() => live.problem !== null);
  expect(live.problem).toMatchObject({ code: 'events/corrupt', place: { file: runPaths(runFolder).events } });
  expect([late.messages, late.problem]).toEqual([messages, null]);
  await Promise.all([engine.close(), blind.close()]);
});

test('a dashboard shows that the trainer was killed, begins anew when the run is resumed, and goes on', async () => {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  const engine = await openEngine(runs);
  const blocks = {
    training: { iterations: 1000, micro_batch: 4 },
    evaluation: { every: 0, videos_per_prompt: 1, max_videos: 2 },
    checkpoints: { every: 3, keep: 9 },
    videos: { every: 0 },
  };
  const { run, folder: runFolder, pid } = await engine.launch({ file: tinyConfig(folder, blocks) });
  const seen = await engine.observe(run);
  await until(() => lastOf(seen) >= 4);
  process.kill(pid, 'SIGKILL');
  await until(() => statusOf(seen) === 'crashed');
  expect(recordOf(runFolder).status).toBe('running');
  await until(() => seen.view!.health.some(({ code }) => code === 'health/trainer-died'));
  expect(seen.view!.secondsLeft).toBeNull();
  await until(() => lastOf(seen) === iterationsOf(runFolder).at(-1));
  expect(seen.view!.checkpoints.some(({ iteration, valid }) => iteration === 3 && valid)).toBe(true);

  const before = seen.begins;
  await engine.resume({ run, from: 3 });
  await until(() => seen.begins > before && statusOf(seen) === 'running' && lastOf(seen) >= 6);
  expect(seen.view!.health.filter(({ code }) => code === 'health/trainer-died')).toEqual([]);
  expect(seen.view!.secondsLeft).toBeGreaterThan(0);
  await engine.ask('run/control', { run, request: 'stop' });
  await until(() => statusOf(seen) === 'stopped');
  await until(() => lastOf(seen) === iterationsOf(runFolder).at(-1));
  expect(seen.view!.series.first).toEqual(iterationsOf(runFolder));
  await engine.close();
});

test('a run whose names are markup, paths out of the folder or thousands shows as text and leads nowhere', async () => {
  const runs = path.join(temporaryFolder(), 'runs');
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`c${i}`, 0.5]));
  const components = { '<img src=x onerror=alert(1)>': 1, ...many };
  const { id: run, folder } = await createRun(runs, 'evil', 'name: evil\n', sampleConfig, provenance);
  const log = await openEventLog(runPaths(folder).events);
  const video = (file: string) => ({
    ...{ file, poster: 'p.png', prompt: '\u001b[31m<script>alert(1)</script>', promptIndex: 0, generation: 0 },
    seedKey: { seed: 1, stream: 0, iteration: 1, prompt: 0, generation: 0 },
    ...{ reward: 1, components: null, advantage: 0, distance: null },
  });
  log.append({ ...iterationEvent(1), components } as never);
  log.append({ kind: 'rollouts', iteration: 1, folder: '../../../etc', videos: [video('passwd')] });
  log.append({ kind: 'rollouts', iteration: 2, folder: 'rollouts/000002', videos: [video('<b>&quot;.mp4')] });
  log.append({ ...evaluationEvent(1, 0.5), components } as never);
  log.close();
  // Names that JSON.stringify of an object literal would not write.
  const text = readFileSync(runPaths(folder).events, 'utf8').replaceAll('"c1":', '"__proto__":');
  writeFileSync(runPaths(folder).events, text);
  await updateRun(folder, { status: 'finished' });

  const engine = await openEngine(runs);
  const seen = await engine.observe(run);
  await until(() => seen.view !== null);
  const names = Object.keys(seen.view!.series.scalars).filter((name) => name.startsWith('component:'));
  expect(names).toHaveLength(32);
  expect(names.slice(0, 3)).toEqual(['component:<img src=x onerror=alert(1)>', 'component:c0', 'component:__proto__']);
  expect(seen.view!.written).toHaveLength(2);
  const outside = await engine.refusal('run/videos', { run, kind: 'rollouts', iteration: 1 });
  expect(outside).toMatchObject({ code: 'path/outside' });
  const { videos } = await engine.ask('run/videos', { run, kind: 'rollouts', iteration: 2 });
  expect(videos[0]).toMatchObject({ file: 'rollouts/000002/<b>&quot;.mp4', prompt: video('').prompt });
  expect(await engine.refusal('run/observe', { run: 'nothing' })).toMatchObject({ code: 'run/unknown' });
  await engine.close();
});
