import { SageError } from '../errors.ts';
import type { Video } from '../policy/policy.ts';
import { background, nominalFrames, palette } from './scene.ts';

/** A video as the fits see it: clamped to [0, 1], the background subtracted. Lengths are pixels of this video. */
export interface Evidence {
  frames: number;
  height: number;
  width: number;
  /** Pixels in one frame length (the shorter side). */
  scale: number;
  /** `[F*H*W*3]` pixel minus background. */
  values: Float32Array;
  /** `[F]` sum of squares of `values`. */
  energy_F: Float64Array;
  /** `[F]` nominal time (0 … 7) of each frame. */
  time_F: Float64Array;
}

/** Palette colours minus the background, and their squared lengths. */
export const paletteContrast = palette.map((color) => color.map((value) => value - background));
export const paletteEnergy = paletteContrast.map(([r, g, b]) => r * r + g * g + b * b);

/**
 * Prepares a video for fitting.
 *
 * @throws SageError `shapes/video-size` where the pixel count does not match the sizes, `shapes/not-finite` at the
 *   first NaN or infinity
 */
export function readEvidence(video: Video): Evidence {
  const { frames, height, width, pixels } = video;
  if (frames < 2 || height < 8 || width < 8 || pixels.length !== frames * height * width * 3) {
    throw new SageError(
      'shapes/video-size',
      `a video of ${frames}×${height}×${width} does not fit its ${pixels.length} values`,
      'Give at least 2 frames of 8×8 pixels and frames × height × width × 3 values.',
    );
  }
  const values = new Float32Array(pixels.length);
  const base = background;
  const energy_F = new Float64Array(frames);
  const length = height * width * 3;
  for (let frame = 0; frame < frames; frame++) {
    let energy = 0;
    for (let i = frame * length; i < (frame + 1) * length; i++) {
      const pixel = pixels[i];
      // Zero for every finite number and NaN for the others.
      if (pixel - pixel !== 0) throw notFinite(i, frame, pixel);
      const value = (pixel < 0 ? 0 : pixel > 1 ? 1 : pixel) - base;
      values[i] = value;
      energy += value * value;
    }
    energy_F[frame] = energy;
  }
  const time_F = Float64Array.from({ length: frames }, (_, f) => (f * (nominalFrames - 1)) / (frames - 1));
  return { frames, height, width, scale: Math.min(height, width), values, energy_F, time_F };
}

function notFinite(index: number, frame: number, value: number): SageError {
  return new SageError(
    'shapes/not-finite',
    `pixel value ${index} (frame ${frame}) is ${value}`,
    'The policy has diverged or its decoder failed: lower the learning rate or resume from an earlier checkpoint.',
  );
}
