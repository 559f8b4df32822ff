import * as ort from 'onnxruntime-node';
import { normals } from '../../method/random.ts';
import type { Graphs } from './graphs.ts';
import { refreshed, type LocalWeights } from './parameters.ts';
import { partBounds, type SampleTask } from './tasks.ts';
import type { StepTrajectory } from './trajectories.ts';
import { velocity } from './velocity.ts';

/**
 * Draws x_T of one run of rows and walks it through the kernel table, `x' = a·x + b·v + s·z` (method: exploration
 * kernels), keeping the trained steps. All noise comes from each sample's own generator, and rows do not depend on
 * each other, so no lane waits for another.
 */
export async function samplePart(
  graphs: Graphs,
  local: LocalWeights,
  task: SampleTask,
  parts: number,
  part: number,
): Promise<void> {
  const { table, guidance } = task;
  const { first, last } = partBounds(task.keys.length, parts, part);
  const rows = last - first;
  const latentSize = task.latents.length / task.keys.length;
  const keys = task.keys.slice(first, last);
  const words = BigInt64Array.from(task.words.subarray(first * 3, last * 3));
  const parameters = refreshed(local.current, task.weights.current);
  const under = (x: Float32Array, sigma: number, scale: number) =>
    velocity(graphs, parameters, x, new Float32Array(rows).fill(sigma), words, scale);
  let latents = new Float32Array(rows * latentSize);
  keys.forEach((key, i) => normals(key, 0, latents.subarray(i * latentSize, (i + 1) * latentSize)));
  for (let k = 0; k < table.steps.length; k++) {
    const { sigma, a, b, s } = table.steps[k];
    const before = latents;
    const v = await under(before, sigma, guidance);
    latents = advance(before, v, { a, b, s }, keys, k);
    const kept = task.steps.get(k);
    if (!kept) continue;
    const replayed = guidance === 1 || task.trainGuidance ? v : await under(before, sigma, 1);
    kept.latent.set(before, first * latentSize);
    kept.nextLatent.set(latents, first * latentSize);
    kept.logProb.set(await logProbability(graphs, kept, before, latents, replayed, rows), first);
  }
  task.latents.set(latents, first * latentSize);
}

/** a·x + b·v + s·z with the noise of step k. */
function advance(
  x: Float32Array,
  v: Float32Array,
  { a, b, s }: { a: number; b: number; s: number },
  keys: SampleTask['keys'],
  k: number,
): Float32Array<ArrayBuffer> {
  const next = new Float32Array(x.length);
  if (s === 0) {
    for (let i = 0; i < x.length; i++) next[i] = a * x[i] + b * v[i];
    return next;
  }
  const latentSize = x.length / keys.length;
  const noise = new Float32Array(latentSize);
  keys.forEach((key, row) => {
    normals(key, 1 + k, noise);
    const first = row * latentSize;
    for (let i = 0; i < latentSize; i++) next[first + i] = a * x[first + i] + b * v[first + i] + s * noise[i];
  });
  return next;
}

/** ℓ_k of every row under the sampling policy, by the graph exported from the same function as the update's. */
async function logProbability(
  graphs: Graphs,
  step: StepTrajectory,
  x: Float32Array,
  next: Float32Array,
  v: Float32Array,
  rows: number,
): Promise<Float32Array> {
  const latent = (data: Float32Array) => new ort.Tensor('float32', data, [rows, data.length / rows]);
  const feeds = { velocity: latent(v), x: latent(x), x_next: latent(next), ...stepFeeds(step, rows) };
  return (await graphs.logProb.run(feeds)).logprob.data as Float32Array;
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
