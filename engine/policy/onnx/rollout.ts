import { SageError } from '../../errors.ts';
import { logProbCoefficients } from '../../method/logprob.ts';
import { parsePrompt, wordIndices } from '../../shapes/grammar.ts';
import { loadedVideo, type RolloutRequest, type RolloutResult, type SampledVideo, type Video } from '../policy.ts';
import type { Lanes } from './lanes.ts';
import { partCount, sharedFloats } from './tasks.ts';
import type { StepTrajectory, Trajectories } from './trajectories.ts';
import type { Weights } from './weights.ts';

/** The rollouts of one policy and what they keep for replay. */
export interface Rollouts {
  rollout(request: RolloutRequest): Promise<RolloutResult>;
  /** A kept step. @throws when there is none */
  kept(handle: string, step: number): { trajectories: Trajectories; step: StepTrajectory };
  release(handle: string): void;
}

/** Samples by the current weights. */
export function createRollouts(
  lanes: Lanes,
  weights: Weights,
  format: Omit<Video, 'pixels'>,
  latentSize: number,
): Rollouts {
  const all = new Map<string, Trajectories>();
  const memory = createMemory();
  let handles = 0;
  return {
    async rollout(request) {
      const started = performance.now();
      const trajectories = emptyTrajectories(request, latentSize, memory);
      const { steps, words } = trajectories;
      const rows = request.samples.length;
      const parts = partCount(rows);
      const { table, guidance, trainGuidance } = request;
      const keys = request.samples.map((sample) => sample.key);
      const latents = memory.take(rows * latentSize);
      const walk = { table, guidance, trainGuidance, keys, words, latents };
      const kept = [...steps].map(([k, step]) => ({ k, ...step }));
      await lanes.run({ kind: 'sample', weights: weights.sets, ...walk, steps: kept }, parts);
      const sampled = performance.now();
      const { frames, height, width } = format;
      const pixels = memory.take(rows * frames * height * width * 3);
      await lanes.run({ kind: 'decode', rows, latents, pixels }, parts);
      const videos = splitVideos(pixels.slice(), rows, format);
      memory.give([latents, pixels]);
      const logProbs_N_K = request.samples.map((_, row) =>
        Float64Array.from(request.trainedSteps, (k) => steps.get(k)!.logProb[row]),
      );
      const handle = `rollout-${(handles += 1)}`;
      if (steps.size > 0) all.set(handle, trajectories);
      const seconds = { sample: (sampled - started) / 1000, decode: (performance.now() - sampled) / 1000 };
      return { handle, videos, logProbs_N_K, seconds };
    },
    kept(handle, k) {
      const trajectories = all.get(handle);
      const step = trajectories?.steps.get(k);
      if (!trajectories || !step) throw new Error(`step ${k} of ${handle} was not kept for replay`);
      return { trajectories, step };
    },
    release(handle) {
      for (const { latent, nextLatent, logProb } of all.get(handle)?.steps.values() ?? [])
        memory.give([latent, nextLatent, logProb]);
      all.delete(handle);
    },
  };
}

/**
 * Shared memory that is used again: no thread's garbage collector counts it, so that dropped arrays would pile up.
 * What is taken holds old values.
 */
function createMemory(): { take(length: number): Float32Array; give(arrays: Float32Array[]): void } {
  let free: Float32Array[] = [];
  return {
    take(length) {
      const found = free.find((array) => array.length === length);
      free = free.filter((array) => array !== found);
      return found ?? sharedFloats(length);
    },
    give: (arrays) => void free.push(...arrays),
  };
}

function emptyTrajectories(
  request: RolloutRequest,
  latentSize: number,
  memory: ReturnType<typeof createMemory>,
): Trajectories {
  const { table, trainedSteps, samples, guidance, trainGuidance } = request;
  const words = promptWords(samples.map((sample) => sample.prompt));
  const steps = trainedSteps.map((k): [number, StepTrajectory] => {
    const { sigma, a, b, s } = table.steps[k];
    const { scale, offset } = logProbCoefficients(table, k);
    const [latent, nextLatent] = [0, 1].map(() => memory.take(samples.length * latentSize));
    const logProb = memory.take(samples.length);
    return [k, { sigma, a, b, s, logProbScale: scale, logProbOffset: offset, latent, nextLatent, logProb }];
  });
  return {
    samples: samples.length,
    latentSize,
    guidance: trainGuidance ? guidance : 1,
    words,
    steps: new Map(steps),
  };
}

/**
 * Indices of the prompts' words. `[N*3]`
 * @throws SageError `policy/prompt` for a prompt outside of the grammar
 */
export function promptWords(prompts: readonly string[]): BigInt64Array {
  const indices = prompts.flatMap((prompt) => {
    const words = parsePrompt(prompt);
    if (words) return wordIndices(words).map(BigInt);
    throw new SageError(
      'policy/prompt',
      `The Shapes model has no words for the prompt ${JSON.stringify(prompt.slice(0, 80))}.`,
      'Write "a COLOUR SHAPE moving DIRECTION", for example "a red circle moving left".',
    );
  });
  return BigInt64Array.from(indices);
}

/** Videos of `[N*F*H*W*3]` pixels. */
function splitVideos(pixels: Float32Array, rows: number, format: Omit<Video, 'pixels'>): SampledVideo[] {
  const { frames, height, width } = format;
  const size = pixels.length / rows;
  return Array.from({ length: rows }, (_, row) =>
    loadedVideo({ frames, height, width, pixels: pixels.subarray(row * size, (row + 1) * size) }),
  );
}
