import { readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  eventsOf,
  expectSameRun,
  onlyRun,
  pause,
  sage,
  start,
  startTiny,
  trainedTiny,
  until,
  weightsOf,
  type Running,
} from './support.ts';

/** Two ways of training between which everything that has a memory is met. */
const variants = {
  analytic: {},
  measured: {
    equalizer: { mode: 'measured', warmup: 2 },
    training: { iterations: 6, micro_batch: 2, accumulation: 2 },
    sampling: { steps: 4, guidance: 1.5 },
    trust_region: { anchor: { mode: 'moving', interval: 4 }, beta: { ramp_calls: 3 } },
  },
} as const;
type Variant = keyof typeof variants;

/** Kills of one run, one after the other: at a share of its log, or inside of a checkpoint write. */
interface Journey {
  variant: Variant;
  kills: ({ at: number } | { inCheckpointWith: number })[];
}

const journeys: Journey[] = [
  { variant: 'analytic', kills: [{ at: 0 }, { at: 0.45 }] },
  { variant: 'measured', kills: [{ at: 0.12 }, { inCheckpointWith: 1 }] },
  { variant: 'analytic', kills: [{ at: 0.3 }, { at: 0.9 }] },
  { variant: 'measured', kills: [{ at: 0.55 }, { at: 0.75 }] },
  { variant: 'analytic', kills: [{ inCheckpointWith: 4 }, { at: 0.65 }] },
];

/** Mulberry32: the moments vary with the seed and can be had again. */
function seededRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const reference = {} as Record<Variant, { runFolder: string; events: number; millisecondsAnEvent: number }>;

beforeAll(async () => {
  const names = Object.keys(variants) as Variant[];
  await Promise.all(
    names.map(async (variant) => {
      const runFolder = await trainedTiny(variants[variant]);
      const events = eventsOf(runFolder);
      const [first, last] = [events[0], events.at(-1)!].map(({ time }) => Date.parse(time as string));
      reference[variant] = { runFolder, events: events.length, millisecondsAnEvent: (last - first) / events.length };
    }),
  );
});

const halfWritten = (runFolder: string) => {
  const parent = path.join(runFolder, 'checkpoints');
  const name = readdirSync(parent).find((entry) => /^\.tmp-\d/.test(entry));
  return name === undefined ? null : readdirSync(path.join(parent, name)).length;
};

/** Kills the trainer at the moment; false when it was done before. */
async function kill(trainer: Running, runFolder: string, moment: Journey['kills'][number], more: number, gap: number) {
  if ('at' in moment) {
    await until(() => !trainer.alive() || eventsOf(runFolder).length >= more);
    await pause(gap);
  } else {
    await until(() => !trainer.alive() || (halfWritten(runFolder) ?? -1) >= moment.inCheckpointWith, 1);
  }
  trainer.child.kill('SIGKILL');
  const { signal } = await trainer.ended;
  return signal === 'SIGKILL' && ('at' in moment || halfWritten(runFolder) !== null);
}

describe.concurrent('a run that is killed and resumed equals one that was not', () => {
  test.each(journeys.map((journey, i) => ({ ...journey, name: JSON.stringify(journey.kills), seed: 20_260_300 + i })))(
    '$variant, killed at $name',
    async ({ variant, kills, seed }) => {
      const random = seededRandom(seed);
      const { events, millisecondsAnEvent, runFolder: uninterrupted } = reference[variant];
      const started = startTiny(variants[variant]);
      let { trainer } = started;
      await trainer.prints('run folder:');
      const runFolder = onlyRun(started.runs);
      let struck = 0;
      for (const moment of kills) {
        // A write is sometimes over before the signal comes; then the next one is tried.
        for (;;) {
          const share = 'at' in moment ? moment.at : 0;
          const gap = random() * millisecondsAnEvent;
          const hit = await kill(trainer, runFolder, moment, Math.round(share * events), gap);
          const again = trainer.text().includes('finished:') ? ['--from', '4'] : [];
          trainer = start(['resume', runFolder, ...again]);
          if (hit) break;
          await trainer.prints(/resumed after|starting over/);
        }
        struck += 1;
        await trainer.prints(/resumed after|starting over/);
      }
      expect(struck).toBe(2);
      expect(await trainer.ended).toMatchObject({ code: 0, signal: null, stderr: '' });

      expectSameRun(runFolder, uninterrupted);
      expect(Object.keys(weightsOf(runFolder, 6))).toEqual([
        'anchor.safetensors',
        'optimizer.safetensors',
        'policy.safetensors',
      ]);
    },
  );

  test('going back by hand to an earlier checkpoint gives the same end', async () => {
    const runFolder = await trainedTiny(variants.measured);
    expect(await sage(['resume', runFolder, '--from', '4'])).toMatchObject({ code: 0 });
    expectSameRun(runFolder, reference.measured.runFolder);
  });
});
