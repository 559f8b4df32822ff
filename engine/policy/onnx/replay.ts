import * as ort from 'onnxruntime-node';
import { klAnchorScale } from '../../method/surrogate.ts';
import type { ForwardBackwardRequest, ForwardBackwardResult } from '../policy.ts';
import type { Graphs } from './graphs.ts';
import { createParameterSet, norm, type ParameterSet } from './parameters.ts';
import { stepFeeds } from './sample.ts';
import { gatherRows, type StepTrajectory, type Trajectories } from './trajectories.ts';
import { minimumRows, velocity } from './velocity.ts';

/** The three sets of weights of the dual trust region. */
export interface Weights {
  current: ParameterSet;
  /** Null while it equals the pre-trained model. */
  anchor: ParameterSet | null;
  reference: ParameterSet;
}

/** Memory for one gradient, flat in the layout of the weights, and the update graph's outputs that write into it. */
interface GradientTarget {
  flat: Float32Array;
  /** All outputs of the graph; null where onnxruntime allocates. */
  fetches: Record<string, ort.Tensor | null>;
}

/** The gradient of the newest micro-batch and the sum of an update's; no replay allocates or copies a gradient. */
export interface GradientBuffers {
  newest: GradientTarget;
  sum: GradientTarget;
  /** Whether `sum` holds nothing of this update yet. */
  empty: boolean;
}

/** Empty buffers for the gradients of the given weights. */
export function createGradientBuffers(graphs: Graphs, weights: ParameterSet): GradientBuffers {
  const target = (): GradientTarget => {
    const { flat, feeds } = createParameterSet(weights.names, weights.shapes);
    const tensors = graphs.update.outputNames.map((name) => [name, feeds[name.replace(/^grad:/, '')] ?? null]);
    return { flat, fetches: Object.fromEntries(tensors) };
  };
  return { newest: target(), sum: target(), empty: true };
}

/** Takes the sum of an update's gradients and begins the next. It is valid until the next replay. */
export function takeGradient(buffers: GradientBuffers): Float32Array {
  if (buffers.empty) buffers.sum.flat.fill(0);
  buffers.empty = true;
  return buffers.sum.flat;
}

/** Replays one step of some samples through the update graph and adds the gradient of the loss to the sum. */
export async function replay(
  graphs: Graphs,
  weights: Weights,
  trajectories: Trajectories,
  step: StepTrajectory,
  request: ForwardBackwardRequest,
  gradient: GradientBuffers,
): Promise<ForwardBackwardResult> {
  const { guidance } = trajectories;
  const count = request.samples.length;
  const feeds = await replayFeeds(graphs, weights, trajectories, step, request);
  const session = guidance === 1 ? graphs.update : graphs.updateGuided;
  const { outputs, gradientNorm } = await runUpdate(session, weights.current, feeds, request.gradientScale, gradient);
  const values = (name: string) => (outputs[name].data as Float32Array).subarray(0, count);
  const mean = (name: string) => sum(values(name)) / count;
  const ratio = values('ratio');
  const drift = (name: string) => {
    const [numerator, denominator] = outputs[name].data as Float32Array;
    return numerator / denominator;
  };
  return {
    loss: (outputs.loss.data as Float32Array)[0],
    policyLoss: mean('policy_loss'),
    ratio: mean('ratio'),
    ratioDeviation: ratio.reduce((most, value) => Math.max(most, Math.abs(value - 1)), 0),
    clipFraction: mean('clipped'),
    approxKl: mean('approx_kl'),
    klAnchor: mean('kl_anchor'),
    klStep: mean('kl_step'),
    gradientNorm,
    gradientNormRaw: gradientNorm / request.equalizer,
    driftReference: drift('drift_reference'),
    driftAnchor: request.useAnchor ? drift('drift_anchor') : null,
  };
}

/**
 * Runs an update graph once and adds `scale` times the gradient to the sum.
 * @returns the graph's outputs and the norm of the unscaled gradient
 */
export async function runUpdate(
  session: ort.InferenceSession,
  parameters: ParameterSet,
  feeds: Record<string, ort.Tensor>,
  scale: number,
  gradient: GradientBuffers,
): Promise<{ outputs: ort.InferenceSession.OnnxValueMapType; gradientNorm: number }> {
  const outputs = await session.run({ ...parameters.feeds, ...feeds }, gradient.newest.fetches);
  const gradientNorm = norm(gradient.newest.flat);
  accumulate(gradient, scale);
  return { outputs, gradientNorm };
}

async function replayFeeds(
  graphs: Graphs,
  weights: Weights,
  trajectories: Trajectories,
  step: StepTrajectory,
  request: ForwardBackwardRequest,
): Promise<Record<string, ort.Tensor>> {
  const { latentSize, guidance } = trajectories;
  const count = request.samples.length;
  const pad = count < minimumRows;
  const samples = pad ? [...request.samples, ...request.samples] : request.samples;
  const advantages = pad ? [...request.advantages_M, ...request.advantages_M] : request.advantages_M;
  const rows = samples.length;
  const latents = gatherRows(step.latent, samples, latentSize);
  const words = gatherRows(trajectories.words, samples, 3);
  // The repeated row weighs nothing.
  const shares = Float32Array.from(samples, (_, i) => (i < count ? 1 / count : 0));
  const sigmas = new Float32Array(rows).fill(step.sigma);
  const under = (set: ParameterSet) => velocity(graphs, set, latents, sigmas, words, guidance);
  const reference = await under(weights.reference);
  const anchor = request.useAnchor && weights.anchor ? await under(weights.anchor) : reference;
  const scalar = (value: number) => new ort.Tensor('float32', Float32Array.of(value), []);
  const column = (values: Float32Array) => new ort.Tensor('float32', values, [rows]);
  const latent = (values: Float32Array) => new ort.Tensor('float32', values, [rows, latentSize]);
  return {
    x: latent(latents),
    x_next: latent(gatherRows(step.nextLatent, samples, latentSize)),
    sigma: column(sigmas),
    words: new ort.Tensor('int64', words, [rows, 3]),
    ...stepFeeds(step, rows),
    logprob_old: column(gatherRows(step.logProb, samples, 1)),
    advantage: column(Float32Array.from(advantages)),
    weight: column(shares),
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

/** Adds `scale` times the newest gradient to the sum; the first of an update becomes the sum. */
function accumulate(buffers: GradientBuffers, scale: number): void {
  const { newest, sum } = buffers;
  const from = newest.flat;
  if (buffers.empty) {
    Object.assign(buffers, { newest: sum, sum: newest, empty: false });
    if (scale !== 1) for (let i = 0; i < from.length; i++) from[i] *= scale;
    return;
  }
  const to = sum.flat;
  for (let i = 0; i < to.length; i++) to[i] += scale * from[i];
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
