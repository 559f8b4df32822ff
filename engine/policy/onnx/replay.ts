import type { LossOptions, Replay, ReplayResult } from '../policy.ts';
import { accumulate, partGradients, replayResults, type GradientBuffers } from './gradient.ts';
import type { Lanes } from './lanes.ts';
import { partCount, sumsPerPart, type ReplayTask, type SampleOutput } from './tasks.ts';
import type { StepTrajectory, Trajectories } from './trajectories.ts';
import type { Weights } from './weights.ts';

/** Parts of a micro-batch at most: each has a gradient of 2 MB. */
const mostParts = 16;

/** Replays one step of some samples through the update graph and adds the gradient of the loss to the update's sum. */
export async function replay(
  lanes: Lanes,
  weights: Weights,
  trajectories: Trajectories,
  step: StepTrajectory,
  request: Replay & LossOptions,
  buffers: GradientBuffers,
  velocities: ReplayTask['velocities'] = null,
): Promise<ReplayResult> {
  const count = request.samples.length;
  const parts = partCount(count, mostParts);
  const gradients = partGradients(buffers, parts);
  const { perSample, perPart } = replayResults(buffers, count, parts);
  const { words, guidance } = trajectories;
  const shared = { weights: weights.sets, hasAnchor: weights.hasAnchor, words, guidance, step, velocities };
  await lanes.run({ kind: 'replay', ...shared, request, perSample, perPart, gradients }, parts);
  const gradientNorm = await accumulate(lanes, buffers, gradients, request.gradientScale);

  const [loss, ...drifts] = Array.from({ length: sumsPerPart }, (_, i) =>
    sum(perPart.filter((_, at) => at % sumsPerPart === i)),
  );
  const mean = (name: SampleOutput) => sum(perSample[name]) / count;
  return {
    loss,
    policyLoss: mean('policy_loss'),
    ratio: mean('ratio'),
    ratioDeviation: perSample.ratio.reduce((most, value) => Math.max(most, Math.abs(value - 1)), 0),
    clipFraction: mean('clipped'),
    approxKl: mean('approx_kl'),
    klAnchor: request.useAnchor ? mean('kl_anchor') : 0,
    klStep: mean('kl_step'),
    gradientNorm,
    gradientNormRaw: gradientNorm / request.equalizer,
    driftReference: request.measureReference ? drifts[0] / drifts[1] : null,
    driftAnchor: request.useAnchor ? drifts[2] / drifts[3] : null,
  };
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
