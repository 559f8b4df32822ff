import type { RunEvent } from '../run/events.ts';

type Loose = Record<string, unknown>;

const isRecord = (value: unknown): value is Loose => typeof value === 'object' && value !== null;
const isNumber = (value: unknown) => typeof value === 'number';
const isMeasured = (value: unknown) => typeof value === 'number' || value === null;

/**
 * Whether an event has what the checks read. A log that was read lightly (`validate: 'light'`) may hold events that have
 * not. Fields are written out, since this runs for every step of every iteration.
 */
export function isSound(event: RunEvent): boolean {
  if (event.kind === 'iteration') return isSoundIteration(event as unknown as Loose);
  if (event.kind !== 'rollouts' && event.kind !== 'evaluation_videos') return true;
  const videos: unknown = event.videos;
  return Array.isArray(videos) && videos.every(isSoundVideo);
}

function isSoundVideo(video: unknown): boolean {
  return isRecord(video) && (video.reason === undefined || typeof video.reason === 'string');
}

function isSoundIteration(event: Loose): boolean {
  const { reward, seconds, components, steps } = event;
  if (!isRecord(reward) || !isNumber(reward.mean) || !isNumber(reward.std)) return false;
  if (!isRecord(seconds) || !isNumber(seconds.rollout) || !isNumber(seconds.decode) || !isNumber(seconds.score))
    return false;
  if (!isNumber(seconds.update) || !isNumber(seconds.other) || !isNumber(seconds.total)) return false;
  if (!isNumber(event.deadGroups) || !isNumber(event.unscored) || !isNumber(event.skippedUpdates)) return false;
  if (!isNumber(event.beta) || !isNumber(event.learningRate)) return false;
  if (!isMeasured(event.distance) || !isMeasured(event.advantageAbsMean) || !isMeasured(event.loss)) return false;
  if (!isMeasured(event.firstReplayRatioDeviation)) return false;
  if (!isMeasured(event.updateNorm) || !isMeasured(event.gradientNorm)) return false;
  if (!isRecord(components) || !Object.values(components).every(isNumber)) return false;
  return Array.isArray(steps) && steps.every(isSoundStep);
}

function isSoundStep(step: unknown): boolean {
  return (
    isRecord(step) &&
    isNumber(step.k) &&
    isMeasured(step.ratio) &&
    isMeasured(step.ratioDeviation) &&
    isMeasured(step.clipFraction) &&
    isMeasured(step.gradientNormRaw) &&
    isMeasured(step.gradientNorm) &&
    isMeasured(step.klAnchor) &&
    isMeasured(step.klStep) &&
    isMeasured(step.driftReference)
  );
}
