import { klAnchorScale } from '../../method/surrogate.ts';
import { minimumRows, type Batch } from './batch.ts';
import { runGraph } from './run-graph.ts';
import { fillStep } from './sample.ts';
import { partBounds, sampleOutputs, sumsPerPart, type ReplayTask } from './tasks.ts';
import { gatherRows } from './trajectories.ts';
import { velocity } from './velocity.ts';
import type { Workspace } from './workspace.ts';

/** Replays some samples of a micro-batch through the update graph; their gradient goes to the part's own buffer. */
export async function replayPart(workspace: Workspace, task: ReplayTask, parts: number, part: number): Promise<void> {
  const { graphs } = workspace;
  const { first, last } = partBounds(task.request.samples.length, parts, part);
  const rows = last - first;
  // A single row is repeated (see `minimumRows`) and the repetition weighs nothing.
  const places = Array.from({ length: Math.max(rows, minimumRows) }, (_, i) => first + (i % rows));
  const batch = workspace.batch(places.length);
  fillBatch(batch, task, places, rows);
  await fillVelocities(workspace, batch, task, places);
  const session = task.guidance === 1 ? graphs.update : (await graphs.guided()).update;
  const { target, deliver } = workspace.gradient(task.gradients[part]);
  await runGraph(session, batch.feeds(workspace.parameters(task.weights.current)), batch.updateTo(target));
  deliver();
  for (const name of sampleOutputs) task.perSample[name].set(batch.values[name].subarray(0, rows), first);
  const { loss, drift_reference, drift_anchor } = batch.values;
  task.perPart.set([loss[0], ...drift_reference, ...drift_anchor], part * sumsPerPart);
}

/** Everything but velocities. `rows` of the places count. */
function fillBatch(batch: Batch, { step, request, words, guidance }: ReplayTask, places: number[], rows: number): void {
  const { values } = batch;
  const samples = places.map((place) => request.samples[place]);
  const latentSize = values.x.length / batch.rows;
  gatherRows(step.latent, samples, latentSize, values.x);
  gatherRows(step.nextLatent, samples, latentSize, values.x_next);
  gatherRows(step.logProb, samples, 1, values.logprob_old);
  gatherRows(words, samples, 3, batch.words);
  fillStep(batch, step);
  places.forEach((place, i) => (values.advantage[i] = request.advantages_M[place]));
  values.weight.fill(1 / request.samples.length).fill(0, rows);
  values.kl_scale.fill(klAnchorScale(step.s));
  values.guidance[0] = guidance;
  values.equalizer[0] = request.equalizer;
  values.clip[0] = request.clipRange;
  values.beta[0] = request.beta;
  values.anchor_weight[0] = request.useAnchor ? request.anchorWeight : 0;
  values.stepwise_weight[0] = request.stepwiseWeight;
  values.stepwise_k3[0] = request.stepwiseEstimator === 'k3' ? 1 : 0;
}

/** The velocities of reference and anchor, computed where the task does not bring them. */
async function fillVelocities(
  workspace: Workspace,
  batch: Batch,
  task: ReplayTask,
  places: readonly number[],
): Promise<void> {
  const { weights, guidance, velocities } = task;
  const fill = async (set: 'reference' | 'anchor') => {
    const to = `velocity_${set}` as const;
    if (velocities) gatherRows(velocities[set], places, workspace.latentSize, batch.values[to]);
    else await velocity(workspace, batch, workspace.parameters(weights[set]), guidance, to);
  };
  await fill('reference');
  if (task.request.useAnchor && (task.hasAnchor || velocities)) await fill('anchor');
  else batch.values.velocity_anchor.set(batch.values.velocity_reference);
}
