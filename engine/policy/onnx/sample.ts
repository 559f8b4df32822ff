import { normals } from '../../method/random.ts';
import { minimumRows, type Batch } from './batch.ts';
import { runGraph } from './run-graph.ts';
import { partBounds, type SampleTask } from './tasks.ts';
import { gatherRows, type StepTrajectory } from './trajectories.ts';
import { velocity } from './velocity.ts';
import type { Workspace } from './workspace.ts';

/**
 * Draws x_T of one run of rows and walks it through the kernel table, `x' = a·x + b·v + s·z` (method: exploration
 * kernels), keeping the trained steps. All noise comes from each sample's own generator, and rows do not depend on
 * each other, so no lane waits for another.
 */
export async function samplePart(workspace: Workspace, task: SampleTask, parts: number, part: number): Promise<void> {
  const { table, guidance } = task;
  const { latentSize, graphs } = workspace;
  const { first, last } = partBounds(task.keys.length, parts, part);
  const rows = last - first;
  const places = Array.from({ length: Math.max(rows, minimumRows) }, (_, i) => first + (i % rows));
  const keys = places.map((place) => task.keys[place]);
  const batch = workspace.batch(places.length);
  const { x, x_next: next, logprob, sigma: sigmas } = batch.values;
  const own = (values: Float32Array) => values.subarray(0, rows * latentSize);
  gatherRows(task.words, places, 3, batch.words);
  const parameters = workspace.parameters(task.weights.current);
  keys.forEach((key, i) => normals(key, 0, next.subarray(i * latentSize, (i + 1) * latentSize)));
  for (let k = 0; k < table.steps.length; k++) {
    const { sigma, a, b, s } = table.steps[k];
    x.set(next);
    sigmas.fill(sigma);
    await velocity(workspace, batch, parameters, guidance, 'velocity');
    advance(batch, { a, b, s }, keys, k);
    const kept = task.steps.find((step) => step.k === k);
    if (!kept) continue;
    if (guidance !== 1 && !task.trainGuidance) await velocity(workspace, batch, parameters, 1, 'velocity');
    kept.latent.set(own(x), first * latentSize);
    kept.nextLatent.set(own(next), first * latentSize);
    fillStep(batch, kept);
    // ℓ_k under the sampling policy, by the graph exported from the same function as the update's.
    await runGraph(graphs.logProb, batch.feeds(parameters), batch.logProbTo);
    kept.logProb.set(logprob.subarray(0, rows), first);
  }
  task.latents.set(own(next), first * latentSize);
}

/** x_next = a·x + b·v + s·z with the noise of step k. */
function advance(
  { values }: Batch,
  { a, b, s }: { a: number; b: number; s: number },
  keys: SampleTask['keys'],
  k: number,
): void {
  const { x, velocity: v, x_next: next } = values;
  if (s === 0) {
    for (let i = 0; i < x.length; i++) next[i] = a * x[i] + b * v[i];
    return;
  }
  const latentSize = x.length / keys.length;
  keys.forEach((key, row) => {
    const [first, last] = [row * latentSize, (row + 1) * latentSize];
    normals(key, 1 + k, next.subarray(first, last));
    for (let i = first; i < last; i++) next[i] = a * x[i] + b * v[i] + s * next[i];
  });
}

/** The kernel's numbers of one step, one per row. */
export function fillStep({ values }: Batch, step: Omit<StepTrajectory, 'latent' | 'nextLatent' | 'logProb'>): void {
  values.sigma.fill(step.sigma);
  values.a.fill(step.a);
  values.b.fill(step.b);
  values.logprob_scale.fill(step.logProbScale);
  values.logprob_offset.fill(step.logProbOffset);
}
