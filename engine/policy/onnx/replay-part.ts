import * as ort from 'onnxruntime-node';
import { klAnchorScale } from '../../method/surrogate.ts';
import type { Graphs } from './graphs.ts';
import { createParameterSet, refreshed, type LocalWeights, type ParameterSet } from './parameters.ts';
import { stepFeeds } from './sample.ts';
import { partBounds, sampleOutputs, sharedFloats, type ReplayTask } from './tasks.ts';
import { gatherRows } from './trajectories.ts';
import { minimumRows, velocity } from './velocity.ts';

/** Replays some samples of a micro-batch through the update graph; their gradient goes to the part's own buffer. */
export async function replayPart(
  graphs: Graphs,
  local: LocalWeights,
  task: ReplayTask,
  parts: number,
  part: number,
): Promise<void> {
  const total = task.request.samples.length;
  const { first, last } = partBounds(total, parts, part);
  const places = Array.from({ length: last - first }, (_, i) => first + i);
  const feeds = await replayFeeds(graphs, local, task, places);
  const parameters = refreshed(local.current, task.weights.current);
  const session = task.guidance === 1 ? graphs.update : (await graphs.guided()).update;
  const outputs = await runUpdate(graphs, session, parameters, feeds, task.gradients[part]);
  for (const name of sampleOutputs) {
    task.perSample[name].set((outputs[name].data as Float32Array).subarray(0, places.length), first);
  }
  const sums = ['loss', 'drift_reference', 'drift_anchor'].flatMap((name) => [...(outputs[name].data as Float32Array)]);
  task.perPart.set(sums, part * sums.length);
}

async function replayFeeds(
  graphs: Graphs,
  local: LocalWeights,
  task: ReplayTask,
  places: readonly number[],
): Promise<Record<string, ort.Tensor>> {
  const { step, request, guidance, weights } = task;
  // A single row is repeated (see velocity.ts) and the repetition weighs nothing.
  const padded = places.length < minimumRows ? [...places, ...places] : places;
  const samples = padded.map((place) => request.samples[place]);
  const rows = samples.length;
  const latentSize = (step.latent.length * 3) / task.words.length;
  const latents = gatherRows(step.latent, samples, latentSize);
  const words = gatherRows(task.words, samples, 3);
  const sigmas = new Float32Array(rows).fill(step.sigma);
  const under = (set: keyof LocalWeights) =>
    task.velocities && set !== 'current'
      ? gatherRows(task.velocities[set], padded, latentSize)
      : velocity(graphs, refreshed(local[set], weights[set]), latents, sigmas, words, guidance);
  const reference = await under('reference');
  const anchor = request.useAnchor && (task.hasAnchor || task.velocities) ? await under('anchor') : reference;
  const scalar = (value: number) => new ort.Tensor('float32', Float32Array.of(value), []);
  const column = (values: Float32Array) => new ort.Tensor('float32', values, [rows]);
  const latent = (values: Float32Array) => new ort.Tensor('float32', values, [rows, latentSize]);
  const share = 1 / request.samples.length;
  return {
    x: latent(latents),
    x_next: latent(gatherRows(step.nextLatent, samples, latentSize)),
    sigma: column(sigmas),
    words: new ort.Tensor('int64', words, [rows, 3]),
    ...stepFeeds(step, rows),
    logprob_old: column(gatherRows(step.logProb, samples, 1)),
    advantage: column(Float32Array.from(padded, (place) => request.advantages_M[place])),
    weight: column(Float32Array.from(padded, (_, i) => (i < places.length ? share : 0))),
    equalizer: scalar(request.equalizer),
    clip: scalar(request.clipRange),
    beta: scalar(request.beta),
    anchor_weight: scalar(request.useAnchor ? request.anchorWeight : 0),
    stepwise_weight: scalar(request.stepwiseWeight),
    stepwise_k3: scalar(request.stepwiseEstimator === 'k3' ? 1 : 0),
    kl_scale: column(new Float32Array(rows).fill(klAnchorScale(step.s))),
    velocity_anchor: latent(anchor),
    velocity_reference: latent(reference),
    ...(guidance === 1 ? {} : { guidance: scalar(guidance) }),
  };
}

/** Runs an update graph; the gradient goes into shared memory, by a copy where onnxruntime cannot write there. */
async function runUpdate(
  graphs: Graphs,
  session: ort.InferenceSession,
  parameters: ParameterSet,
  feeds: Record<string, ort.Tensor>,
  gradient: Float32Array,
): Promise<ort.InferenceSession.OnnxValueMapType> {
  const direct = await writesShared(graphs);
  const { feeds: targets, flat } = createParameterSet(
    parameters.names,
    parameters.shapes,
    direct ? gradient : new Float32Array(gradient.length),
  );
  const fetches = session.outputNames.map((name) => [name, targets[name.replace(/^grad:/, '')] ?? null]);
  const outputs = await session.run({ ...parameters.feeds, ...feeds }, Object.fromEntries(fetches));
  if (!direct) gradient.set(flat);
  return outputs;
}

let sharedWorks: Promise<boolean> | null = null;

/** Whether onnxruntime writes into shared memory: Node's native interface takes it from Node 24 on. */
function writesShared(graphs: Graphs): Promise<boolean> {
  const probe = async () => {
    const zeros = (...shape: number[]) =>
      new ort.Tensor('float32', new Float32Array(shape.reduce((product, size) => product * size, 1)), shape);
    const [latent, column] = [zeros(2, 768), zeros(2)];
    const feeds = { velocity: latent, x: latent, x_next: latent, a: column, b: column };
    const target = new ort.Tensor('float32', sharedFloats(2), [2]);
    try {
      await graphs.logProb.run({ ...feeds, logprob_scale: column, logprob_offset: column }, { logprob: target });
      return true;
    } catch {
      return false;
    }
  };
  return (sharedWorks ??= probe());
}
