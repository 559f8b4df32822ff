import { dataParallelRanks } from '../config/plan.ts';
import type { Config } from '../config/schema.ts';
import { permutation } from '../method/random.ts';
import type { SampleSpec } from '../policy/policy.ts';

/** Streams of the run's randomness; equal numbers never draw the same noise twice. */
export const streams = { rollout: 0, evaluation: 1, prompts: 2, samples: 3, steps: 4 } as const;

/** The samples of one iteration, group by group: sample `p·G + g` is generation g of prompt p. */
export interface Batch {
  samples: SampleSpec[];
  generations: number;
  /** Index of each sample's prompt in the run's prompt list. */
  promptIndices: number[];
  /** `[N]` → `[P][G]` */
  byGroup<T>(values_N: readonly T[]): T[][];
}

/**
 * Draws P prompts for an iteration, without repetition until all prompts were used, and seeds G generations of each
 * (method: order of one iteration, 1). Depends on the seed and the iteration alone, so a resumed run draws the same.
 */
export function drawBatch(config: Config, prompts: readonly string[], iteration: number): Batch {
  const { prompts_per_iteration: P, generations: G } = config.rollout;
  const promptAt = promptOrder(config, prompts.length);
  const promptIndices: number[] = [];
  const samples: SampleSpec[] = [];
  for (let p = 0; p < P; p++) {
    const index = promptAt((iteration - 1) * P + p);
    for (let generation = 0; generation < G; generation++) {
      promptIndices.push(index);
      samples.push({
        prompt: prompts[index],
        key: { seed: config.seed, stream: streams.rollout, iteration, prompt: p, generation },
      });
    }
  }
  const byGroup = <T>(values_N: readonly T[]) =>
    Array.from({ length: P }, (_, p) => values_N.slice(p * G, (p + 1) * G));
  return { samples, generations: G, promptIndices, byGroup };
}

/** Which of `count` prompts is drawn at a position, counted from the start of the run. */
function promptOrder(config: Config, count: number): (position: number) => number {
  const shuffle = typeof config.prompts !== 'object' || Array.isArray(config.prompts) || config.prompts.shuffle;
  let known = { epoch: -1, order: [] as number[] };
  return (position) => {
    const [epoch, place] = [Math.floor(position / count), position % count];
    if (!shuffle) return place;
    if (known.epoch !== epoch) known = { epoch, order: permutation(config.seed, streams.prompts, epoch, 0, count) };
    return known.order[place];
  };
}

/** The prompts that are drawn after an iteration, each once, in the order in which they are first needed. */
export function promptsToCome(config: Config, prompts: readonly string[], iteration: number): string[] {
  const P = config.rollout.prompts_per_iteration;
  const promptAt = promptOrder(config, prompts.length);
  const [first, end] = [iteration * P, config.training.iterations * P];
  const indices = new Set<number>();
  for (let position = first; position < end && indices.size < prompts.length; position++)
    indices.add(promptAt(position));
  return [...new Set([...indices].map((index) => prompts[index]))];
}

/** Some samples at one step: the unit of replay. */
export interface MicroBatch {
  samples: number[];
  step: number;
}

/** Replays that the policy computes in one go. */
export interface ReplayGroup {
  replays: MicroBatch[];
  /** Whether the drift from the pre-trained model is measured in them. */
  measureReference: boolean;
}

/**
 * The order of replay (method: order of one iteration, 4): shuffled samples in micro-batches of every rank, permuted
 * steps for each micro-batch, `accumulation` replays per optimizer update. Samples without an advantage are left out.
 * Where gradient norms or the drift are measured in the first replay of each step alone, that replay is a group of its
 * own; all others of an update are computed in one go.
 * @returns one list of groups for each update
 */
export function planUpdates(
  config: Config,
  trainedSteps: readonly number[],
  advantages_N: readonly (number | null)[],
  iteration: number,
): ReplayGroup[][] {
  const { accumulation, measure_drift, measure_gradient } = config.training;
  const replays = planReplays(config, trainedSteps, advantages_N, iteration);
  const firsts = new Set(trainedSteps.map((step) => replays.find((replay) => replay.step === step)));
  const updates: ReplayGroup[][] = [];
  for (let begin = 0; begin < replays.length; begin += accumulation) {
    const groups: ReplayGroup[] = [];
    const together: MicroBatch[] = [];
    for (const replay of replays.slice(begin, begin + accumulation)) {
      const measureReference = measure_drift === 'all' || firsts.has(replay);
      if (measure_gradient === 'all' || firsts.has(replay)) groups.push({ replays: [replay], measureReference });
      else together.push(replay);
    }
    if (together.length > 0) groups.push({ replays: together, measureReference: measure_drift === 'all' });
    updates.push(groups);
  }
  return updates;
}

/** All replays of an iteration, in their order. */
function planReplays(
  config: Config,
  trainedSteps: readonly number[],
  advantages_N: readonly (number | null)[],
  iteration: number,
): MicroBatch[] {
  const { micro_batch, steps_per_sample } = config.training;
  const { devices, sequence_parallel } = config.policy;
  const together = micro_batch * dataParallelRanks(devices, sequence_parallel);
  const scored = permutation(config.seed, streams.samples, iteration, 0, advantages_N.length).filter(
    (i) => advantages_N[i] !== null,
  );
  const replays: MicroBatch[] = [];
  for (let first = 0; first < scored.length; first += together) {
    const samples = scored.slice(first, first + together);
    const order = permutation(config.seed, streams.steps, iteration, first, trainedSteps.length);
    for (const index of order.slice(0, steps_per_sample ?? order.length))
      replays.push({ samples, step: trainedSteps[index] });
  }
  return replays;
}
