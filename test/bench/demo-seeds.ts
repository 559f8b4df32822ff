/**
 * `node bootstrap.mjs bench:demo`: runs the demo with several seeds, one after the other, and holds each against the
 * demo's targets. Writes results/demo.json; exits with 1 when a target is missed.
 *
 *   node test/bench/demo-seeds.ts [--seeds 1,2,3] [--no-write]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../engine/package-root.ts';
import { readEvents } from '../../engine/run/event-log.ts';
import { runPaths } from '../../engine/run/folder.ts';
import { collectProvenance } from '../../engine/run/provenance.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3,4,5,6,7,8,9,10' },
    'no-write': { type: 'boolean', default: false },
  },
});

/** Shares and seconds that the demo has to reach, on this share of the seeds. */
const targets = { room: 0.35, seconds: 150, seeds: 0.9 };

interface DemoSeed {
  seed: number;
  iterations: number;
  rolloutsPerIteration: number;
  /** Of the whole program, from its start to its end. */
  wallSeconds: number;
  before: Evaluated;
  after: Evaluated;
  ceiling: number;
  /** (after − before) / (ceiling − before) of the reward. */
  room: number;
}

interface Evaluated {
  reward: number;
  components: Record<string, number>;
  distance: number;
  videos: number;
}

async function runSeed(seed: number, runs: string): Promise<DemoSeed> {
  const program = path.join(packageRoot(), 'engine', 'cli.ts');
  const config = path.join(packageRoot(), 'examples', 'shapes.sage.yaml');
  const started = performance.now();
  const argv = [program, 'train', config, '--runs', runs, '--name', `seed-${seed}`, '--set', `seed=${seed}`];
  execFileSync(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  const wallSeconds = (performance.now() - started) / 1000;
  const [folder] = readdirSync(runs).filter((name) => name.startsWith(`seed-${seed}-`));
  const events = await readEvents(runPaths(path.join(runs, folder)).events);
  const evaluations = events.filter((event) => event.kind === 'evaluation');
  const [first, last] = [evaluations[0], evaluations.at(-1)!];
  const evaluated = ({ reward, components, distance, videos }: typeof first): Evaluated => {
    if (distance === null) throw new Error('the evaluation has no manifold distance');
    return { reward, components, distance, videos };
  };
  if (first.ceiling === null) throw new Error('the evaluation has no ceiling');
  const rollouts = events.find((event) => event.kind === 'rollouts')!;
  return {
    seed,
    iterations: events.filter((event) => event.kind === 'iteration').length,
    rolloutsPerIteration: rollouts.videos.length,
    wallSeconds,
    before: evaluated(first),
    after: evaluated(last),
    ceiling: first.ceiling,
    room: (last.reward - first.reward) / (first.ceiling - first.reward),
  };
}

const runs = mkdtempSync(path.join(os.tmpdir(), 'sage-demo-'));
const results: DemoSeed[] = [];
try {
  for (const seed of options.seeds.split(',').map(Number)) {
    const result = await runSeed(seed, runs);
    results.push(result);
    const { room, before, after, wallSeconds } = result;
    console.log(
      `seed ${seed}: reward ${before.reward.toFixed(4)} → ${after.reward.toFixed(4)} (${(100 * room).toFixed(1)} % of the room), ` +
        `manifold distance ${before.distance.toFixed(4)} → ${after.distance.toFixed(4)}, ${wallSeconds.toFixed(0)} s`,
    );
  }
} finally {
  rmSync(runs, { recursive: true, force: true });
}

const reached = results.filter(({ room, before, after }) => room >= targets.room && after.distance < before.distance);
const slowest = Math.max(...results.map(({ wallSeconds }) => wallSeconds));
const met = reached.length >= targets.seeds * results.length && slowest <= targets.seconds;
console.log(
  `${reached.length} of ${results.length} seeds close ${100 * targets.room} % of the room with a lower manifold distance; ` +
    `the slowest took ${slowest.toFixed(0)} s (target ${targets.seconds} s): ${met ? 'met' : 'missed'}`,
);

if (!options['no-write']) {
  const { versions, cpu, cores, memory, platform, commit, modified } = await collectProvenance({
    seed: 0,
    folder: packageRoot(),
  });
  const file = {
    date: new Date().toISOString(),
    command: 'node bootstrap.mjs bench:demo',
    machine: { cpu, cores, memoryBytes: memory, platform },
    commit,
    modified,
    versions,
    targets,
    met,
    reached: reached.length,
    results,
  };
  const folder = path.join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'demo.json'), `${JSON.stringify(file, null, 2)}\n`);
}
process.exit(met ? 0 : 1);
