import type { RewardModelName } from '../key.ts';
import { heldOutMetrics, rewardModels } from '../reward.ts';
import type { Config } from '../schema.ts';
import { videoAlign } from './architecture.ts';
import { videoAlignParts } from './encoders.ts';
import type { VideoSize } from './models.ts';

/** What VideoAlign sees of a video, by its own sampling of frames and sizes. */
export interface SeenVideo {
  frames: number;
  height: number;
  width: number;
}

const parts = videoAlignParts(videoAlign);

/** Frames a second, pixels of a frame at most, and the multiple that its sides are. */
const sight = { rate: 2, least: 4, pixels: 200_704, multiple: 28 } as const;
/** Tokens of the instruction with a prompt of usual length. */
const instruction = 400;

/** Parameters of VideoAlign. */
export const scorerParameters = parts.vision + parts.language + parts.adapter + parts.head;

/** Parameters of each model that scores videos: CLIP ViT-L/14 and ViT-H/14, both towers, as published. */
const parametersOf: Record<RewardModelName, number> = {
  'shapes-judge': 0,
  videoalign: scorerParameters,
  clipscore: 427_616_513,
  pickscore: 986_109_441,
};

/** Parameters of all that scores a config's videos, what is only watched among it. */
export function rewardParameters(config: Config): number {
  const names = new Set<RewardModelName>([...rewardModels(config), ...heldOutMetrics(config)]);
  return [...names].reduce((sum, name) => sum + parametersOf[name], 0);
}

/** The frames that VideoAlign takes of a video, and their size. */
export function seenVideo({ frames, height, width }: VideoSize, framesPerSecond: number): SeenVideo {
  const wanted = Math.max(sight.least, (frames / framesPerSecond) * sight.rate);
  const taken = Math.min(2 * Math.round(wanted / 2), Math.max(2, 2 * Math.floor(frames / 2)));
  const { multiple } = sight;
  const round = (size: number) => Math.max(multiple, multiple * Math.round(size / multiple));
  if (round(height) * round(width) <= sight.pixels)
    return { frames: taken, height: round(height), width: round(width) };
  const shrink = Math.sqrt((height * width) / sight.pixels);
  const down = (size: number) => Math.max(multiple, multiple * Math.floor(size / shrink / multiple));
  return { frames: taken, height: down(height), width: down(width) };
}

/** Patches that it sees and tokens that its language model reads. */
function counts(size: VideoSize, framesPerSecond: number): { patches: number; tokens: number } {
  const { patch, temporalPatch, merge } = videoAlign.vision;
  const seen = seenVideo(size, framesPerSecond);
  const patches = (seen.frames / temporalPatch) * (seen.height / patch) * (seen.width / patch);
  return { patches, tokens: patches / merge ** 2 + instruction };
}

/** Operations to score one video: twice the weights for each patch and token; attention is small beside them. */
export function scoringFlops(size: VideoSize, framesPerSecond: number): number {
  const { patches, tokens } = counts(size, framesPerSecond);
  const { vision, language, adapter } = parts;
  const words = videoAlign.language.words * videoAlign.language.width;
  return 2 * vision * patches + 2 * (language - words + adapter) * tokens;
}

/** Activations of scoring one video in 16 bits: the widest layers of either part, and the residual streams. */
export function scoringBytes(size: VideoSize, framesPerSecond: number): number {
  const { patches, tokens } = counts(size, framesPerSecond);
  const { vision, language } = videoAlign;
  const seeing = patches * vision.width * (2 * vision.mlpRatio + 8);
  const reading = tokens * (3 * language.mlpSize + 8 * language.width);
  return 2 * Math.max(seeing, reading);
}
