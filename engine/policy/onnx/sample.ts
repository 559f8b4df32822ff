import * as ort from 'onnxruntime-node';
import { logProbCoefficients } from '../../method/logprob.ts';
import { normals } from '../../method/random.ts';
import type { RolloutRequest, SampleSpec } from '../policy.ts';
import type { Graphs } from './graphs.ts';
import type { ParameterSet } from './parameters.ts';
import type { StepTrajectory, Trajectories } from './trajectories.ts';
import { velocity } from './velocity.ts';

/** Rows that one run of the velocity graph takes: large enough to be efficient, small enough for the cache. */
const chunkRows = 32;

/**
 * Draws x_T and walks it through the kernel table, `x' = a·x + b·v + s·z` (method: exploration kernels), keeping the
 * trained steps. All noise comes from each sample's own generator, so the result does not depend on the batch.
 * @returns `[N*latentSize]` clean latents and what replay needs
 */
export async function sampleLatents(
  graphs: Graphs,
  parameters: ParameterSet,
  request: RolloutRequest,
  words: BigInt64Array,
  latentSize: number,
): Promise<{ latents: Float32Array; trajectories: Trajectories }> {
  const { samples, table, trainedSteps } = request;
  const latents = new Float32Array(samples.length * latentSize);
  samples.forEach((sample, i) => normals(sample.key, 0, latents.subarray(i * latentSize, (i + 1) * latentSize)));
  const steps = new Map<number, StepTrajectory>();
  for (let k = 0; k < table.steps.length; k++) {
    const { sigma, a, b, s } = table.steps[k];
    const v = await chunked(graphs, parameters, latents, sigma, words, request.guidance, latentSize);
    const before = trainedSteps.includes(k) ? latents.slice() : null;
    advance(latents, v, a, b, s, samples, k, latentSize);
    if (!before) continue;
    const next = latents.slice();
    const replayed =
      request.guidance === 1 || request.trainGuidance
        ? v
        : await chunked(graphs, parameters, before, sigma, words, 1, latentSize);
    const { scale, offset } = logProbCoefficients(table, k);
    const step = { sigma, a, b, s, logProbScale: scale, logProbOffset: offset, latent: before, nextLatent: next };
    steps.set(k, { ...step, logProb: await logProbability(graphs, step, replayed, samples.length) });
  }
  const guidance = request.trainGuidance ? request.guidance : 1;
  return { latents, trajectories: { samples: samples.length, latentSize, guidance, words, steps } };
}

async function chunked(
  graphs: Graphs,
  parameters: ParameterSet,
  latents: Float32Array,
  sigma: number,
  words: BigInt64Array,
  guidance: number,
  latentSize: number,
): Promise<Float32Array> {
  const rows = latents.length / latentSize;
  const result = new Float32Array(latents.length);
  for (let first = 0; first < rows; first += chunkRows) {
    const last = Math.min(rows, first + chunkRows);
    const sigmas = new Float32Array(last - first).fill(sigma);
    const part = latents.subarray(first * latentSize, last * latentSize);
    result.set(
      await velocity(graphs, parameters, part, sigmas, words.subarray(first * 3, last * 3), guidance),
      first * latentSize,
    );
  }
  return result;
}

function advance(
  latents: Float32Array,
  v: Float32Array,
  a: number,
  b: number,
  s: number,
  samples: readonly SampleSpec[],
  k: number,
  latentSize: number,
): void {
  if (s === 0) {
    for (let i = 0; i < latents.length; i++) latents[i] = a * latents[i] + b * v[i];
    return;
  }
  const noise = new Float32Array(latentSize);
  samples.forEach((sample, row) => {
    normals(sample.key, 1 + k, noise);
    const first = row * latentSize;
    for (let i = 0; i < latentSize; i++) latents[first + i] = a * latents[first + i] + b * v[first + i] + s * noise[i];
  });
}

/** ℓ_k of every row under the sampling policy, by the graph exported from the same function as the update's. */
async function logProbability(
  graphs: Graphs,
  step: Omit<StepTrajectory, 'logProb'>,
  v: Float32Array,
  rows: number,
): Promise<Float32Array> {
  const latentSize = v.length / rows;
  const latent = (data: Float32Array) => new ort.Tensor('float32', data, [rows, latentSize]);
  const outputs = await graphs.logProb.run({
    velocity: latent(v),
    x: latent(step.latent),
    x_next: latent(step.nextLatent),
    ...stepFeeds(step, rows),
  });
  return outputs.logprob.data as Float32Array;
}

/** The kernel's numbers of one step, one per row. */
export function stepFeeds(
  step: Pick<StepTrajectory, 'a' | 'b' | 'logProbScale' | 'logProbOffset'>,
  rows: number,
): Record<string, ort.Tensor> {
  const column = (value: number) => new ort.Tensor('float32', new Float32Array(rows).fill(value), [rows]);
  return {
    a: column(step.a),
    b: column(step.b),
    logprob_scale: column(step.logProbScale),
    logprob_offset: column(step.logProbOffset),
  };
}
