import type { Video } from '../policy/policy.ts';
import { paletteContrast, paletteEnergy, readEvidence } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { wordIndices } from './grammar.ts';
import type { Words } from './grammar.ts';
import { locate } from './locate.ts';
import { momentCount } from './moments.ts';
import { lineThrough } from './motion.ts';
import type { Line } from './motion.ts';
import { presence } from './presence.ts';
import { directionVectors, nominalSize, shapeCount, speedRange } from './scene.ts';
import { fitScene } from './scene-fit.ts';
import type { SceneFit } from './scene-fit.ts';
import { fitTrack } from './track.ts';
import type { Track } from './track.ts';

export interface Judgement {
  /** Visual quality in [0, 1]: is every frame a crisp shape in a palette colour on a clean background? */
  vq: number;
  /** Motion quality in [0, 1]: does the shape stay there and move evenly, along an axis, at an admissible speed? */
  mq: number;
  /** Text alignment in [0, 1]: are colour, shape and direction those of the prompt? */
  ta: number;
  /** Distance to the manifold of real videos: RMSE to the rendering of the nearest scene. */
  distance: number;
}

/** Error of a frame at which its visual quality is one half. */
const halfError = 0.2;
/** RMS residual that counts as much as a missing shape. */
const noiseScale = 0.15;
/** Deviation from even motion at which motion quality is one half, in nominal pixels. */
const halfDeviation = 0.75;
/** Distance from the admissible velocities at which motion quality is one half, in nominal pixels per frame. */
const halfVelocity = 0.25;
/** Temperatures of the three word posteriors: angle (radians), relative squared error, nominal pixels per frame. */
const colorTemperature = (10 * Math.PI) / 180;
const shapeTemperature = 0.02;
const directionTemperature = 0.2;
/** Logit of "no colour of the palette": three temperatures away, 30 degrees. */
const noColorLogit = -(3 ** 2) / 2;

/**
 * Scores a video against the words of its prompt, from pixels alone (formulas: docs/shapes.md).
 *
 * @throws SageError `shapes/video-size`, `shapes/not-finite`
 */
export function judge(video: Video, words: Words): Judgement {
  const evidence = readEvidence(video);
  const { tracks, track } = fitTracks(evidence);
  const presence_F = presence(evidence, track);
  const shown = presence_F.reduce((a, b) => a + b, 0) / evidence.frames;
  const line = lineThrough(evidence, track.centers, presence_F);
  return {
    vq: visualQuality(evidence, track, presence_F),
    mq: shown ** 2 * motionQuality(evidence, line),
    ta: shown * textAlignment(evidence, tracks, track, line, words),
    distance: fitScene(evidence, tracks).distance,
  };
}

/** Distance of a video to the manifold: RMSE over all pixel values to the rendering of the nearest scene. */
export function manifoldDistance(video: Video): number {
  return nearestScene(video).distance;
}

/** The scene whose rendering is nearest to a video. */
export function nearestScene(video: Video): SceneFit {
  const evidence = readEvidence(video);
  return fitScene(evidence, fitTracks(evidence).tracks);
}

/** One track per shape, and the best of them. */
function fitTracks(evidence: Evidence): { tracks: Track[]; track: Track } {
  const start = locate(evidence);
  const tracks = Array.from({ length: shapeCount }, (_, shape) => fitTrack(evidence, shape, start));
  return { tracks, track: tracks.reduce((a, b) => (b.error < a.error ? b : a)) };
}

/**
 * Mean over frames of presence / (1 + (e/e½)^1.5). The error e of a frame is (n/ν)² + |ĉ − c|²/|c|²: n the RMS of what the
 * best shape of any colour leaves in that frame, ĉ that colour, c the palette's (the one that suits the video best). Both
 * terms are blind to the size of the shape, so that no size is rewarded.
 */
function visualQuality(
  { frames, height, width, energy_F }: Evidence,
  { moments }: Track,
  presence_F: Float64Array,
): number {
  const values = height * width * 3;
  const scores = paletteContrast.map(([r, g, b], color) => {
    let sum = 0;
    for (let frame = 0; frame < frames; frame++) {
      const at = frame * momentCount;
      const mm = moments[at] + 1e-9;
      const [red, green, blue] = [moments[at + 1] / mm, moments[at + 2] / mm, moments[at + 3] / mm];
      const rest = Math.max(0, energy_F[frame] - (red * red + green * green + blue * blue) * mm);
      const contrast = ((red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2) / paletteEnergy[color];
      const error = rest / values / noiseScale ** 2 + contrast;
      sum += presence_F[frame] / (1 + (error / halfError) ** 1.5);
    }
    return sum / frames;
  });
  return Math.max(...scores);
}

function motionQuality({ scale }: Evidence, line: Line): number {
  const nominal = nominalSize / scale;
  const steadiness = 1 / (1 + ((line.deviation * nominal) / halfDeviation) ** 2);
  const vx = Math.abs(line.velocityX) * nominal;
  const vy = Math.abs(line.velocityY) * nominal;
  const low = speedRange.low * nominalSize;
  const high = speedRange.high * nominalSize;
  const along = Math.max(vx, vy);
  const excess = Math.hypot(Math.max(0, low - along, along - high), Math.min(vx, vy));
  return steadiness / (1 + (excess / halfVelocity) ** 2);
}

/** Mean of the posteriors of the three words. */
function textAlignment(evidence: Evidence, tracks: Track[], track: Track, line: Line, words: Words): number {
  const [color, shape, direction] = wordIndices(words);
  const [r, g, b] = track.color;
  const length = Math.hypot(r, g, b) + 1e-9;
  const colorLogits = paletteContrast.map((c, i) => {
    const cosine = (c[0] * r + c[1] * g + c[2] * b) / (length * Math.sqrt(paletteEnergy[i]));
    return -((Math.acos(Math.max(-1, Math.min(1, cosine))) / colorTemperature) ** 2) / 2;
  });
  colorLogits.push(noColorLogit);
  let signal = 1e-9;
  for (let frame = 0; frame < evidence.frames; frame++) signal += length ** 2 * track.moments[frame * momentCount];
  const shapeLogits = tracks.map((candidate) => -candidate.error / (signal * shapeTemperature));
  const nominal = nominalSize / evidence.scale / directionTemperature;
  const directionLogits = directionVectors.map(([dx, dy]) => (dx * line.velocityX + dy * line.velocityY) * nominal);
  return (softmax(colorLogits, color) + softmax(shapeLogits, shape) + softmax(directionLogits, direction)) / 3;
}

function softmax(logits: readonly number[], index: number): number {
  const top = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
  return Math.exp(logits[index] - top) / total;
}
