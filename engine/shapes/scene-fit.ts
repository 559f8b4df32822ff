import { paletteContrast, paletteEnergy } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { descent, frameMoments, momentCount } from './moments.ts';
import { directionVectors, nominalFrames, nominalSize, sizeRange, speedRange, startRange } from './scene.ts';
import type { Scene } from './scene.ts';
import { frameTrust, lineThrough } from './motion.ts';
import type { Line } from './motion.ts';
import type { Track } from './track.ts';

/** The scene whose rendering comes closest to a video, and how close that is. */
export interface SceneFit {
  scene: Scene;
  /** Squared error over the whole video. */
  error: number;
  /** Root mean squared error over all pixel values: the distance to the manifold. */
  distance: number;
}

const refinedStarts = 4;
/** Length of an RGB contrast that lies below every palette colour's. */
const faintColor = 0.65;
const maxIterations = 12;

/**
 * Finds the nearest scene: one start per shape and direction from the straight line through each track, the most promising
 * ones refined by Levenberg–Marquardt within the ranges of the world, the colour chosen in closed form at every step.
 *
 * @param tracks one per shape
 */
export function fitScene(evidence: Evidence, tracks: readonly Track[]): SceneFit {
  const starts: Fit[] = [];
  for (const track of tracks) {
    const { shape } = track;
    const size = track.size / evidence.scale;
    const trust_F = frameTrust(evidence, track);
    const line = lineThrough(evidence, track.centers, trust_F);
    const faint = Math.hypot(...track.color) < faintColor;
    for (let direction = 0; direction < directionVectors.length; direction++) {
      const path = toPath(evidence, line, direction);
      const add = (place: Path, radius: number): void => {
        starts.push(evaluate(evidence, inside({ color: 0, shape, direction, size: radius, ...place })));
      };
      add(path, size);
      const agreed = consensusPath(evidence, track, trust_F, direction);
      if (!alike(path, agreed)) add(agreed, size);
      // A pale shape is best covered by a small one of a dark colour, whatever its own size.
      if (faint) add(path, sizeRange.low);
    }
  }
  starts.sort((a, b) => a.error - b.error);
  let best = starts[0];
  for (const start of starts.slice(0, refinedStarts)) {
    const fit = refine(evidence, start);
    if (fit.error < best.error) best = fit;
  }
  const { scene, error } = best;
  return { scene, error, distance: Math.sqrt(Math.max(0, error) / evidence.values.length) };
}

type Path = Pick<Scene, 'x' | 'y' | 'speed'>;

/** The admissible path along a direction that keeps a line's middle and comes closest to its velocity. */
function toPath({ height, width }: Evidence, line: Omit<Line, 'deviation'>, direction: number): Path {
  const [dx, dy] = directionVectors[direction];
  const speed = clamp((dx * line.velocityX) / width + (dy * line.velocityY) / height, speedRange);
  const half = (nominalFrames - 1) / 2;
  const x = (line.middleX + 0.5) / width - dx * speed * half;
  const y = (line.middleY + 0.5) / height - dy * speed * half;
  return { x, y, speed };
}

/**
 * The path through two frames of a track that most of the others agree with. Where positions jump, a rendering gains from
 * covering some frames well and not from passing between all of them as the least-squares line does.
 */
function consensusPath(evidence: Evidence, track: Track, trust_F: Float64Array, direction: number): Path {
  const { frames, height, width, time_F } = evidence;
  const { centers, size } = track;
  const [dx, dy] = directionVectors[direction];
  const middle = time_F[frames - 1] / 2;
  let best: Path | null = null;
  let bestOverlap = -1;
  for (let i = 0; i < frames; i++) {
    for (let j = i + 1; j < frames; j++) {
      const elapsed = time_F[j] - time_F[i];
      const velocityX = (centers[2 * j] - centers[2 * i]) / elapsed;
      const velocityY = (centers[2 * j + 1] - centers[2 * i + 1]) / elapsed;
      const offset = middle - (time_F[i] + time_F[j]) / 2;
      const middleX = (centers[2 * i] + centers[2 * j]) / 2 + (dx === 0 ? 0 : velocityX * offset);
      const middleY = (centers[2 * i + 1] + centers[2 * j + 1]) / 2 + (dy === 0 ? 0 : velocityY * offset);
      const path = toPath(evidence, { middleX, middleY, velocityX, velocityY }, direction);
      let overlap = 0;
      for (let f = 0; f < frames; f++) {
        const x = (path.x + dx * path.speed * time_F[f]) * width - 0.5 - centers[2 * f];
        const y = (path.y + dy * path.speed * time_F[f]) * height - 0.5 - centers[2 * f + 1];
        overlap += trust_F[f] * Math.max(0, 1 - Math.sqrt(x * x + y * y) / (1.8 * size));
      }
      if (overlap <= bestOverlap) continue;
      bestOverlap = overlap;
      best = path;
    }
  }
  return best as Path;
}

/** Whether two paths stay within a fifth of a nominal pixel of each other. */
function alike(a: Path, b: Path): boolean {
  const reach = 0.2 / nominalSize;
  return (
    Math.abs(a.x - b.x) < reach &&
    Math.abs(a.y - b.y) < reach &&
    Math.abs(a.speed - b.speed) * (nominalFrames - 1) < 2 * reach
  );
}

/** Improves a scene without changing its shape and direction; never makes it worse. */
export function refineScene(evidence: Evidence, scene: Scene): SceneFit {
  const { scene: refined, error } = refine(evidence, evaluate(evidence, inside(scene)));
  return { scene: refined, error, distance: Math.sqrt(Math.max(0, error) / evidence.values.length) };
}

interface Fit {
  scene: Scene;
  error: number;
  /** `[F*momentCount]`. */
  moments: Float64Array;
}

function evaluate(evidence: Evidence, scene: Scene): Fit {
  const { frames, height, width, scale, time_F, energy_F } = evidence;
  const moments = new Float64Array(frames * momentCount);
  const [dx, dy] = directionVectors[scene.direction];
  let total = 0;
  let mm = 0;
  const md = [0, 0, 0];
  for (let frame = 0; frame < frames; frame++) {
    const at = frame * momentCount;
    const x = (scene.x + dx * scene.speed * time_F[frame]) * width - 0.5;
    const y = (scene.y + dy * scene.speed * time_F[frame]) * height - 0.5;
    frameMoments(evidence, frame, scene.shape, x, y, scene.size * scale, moments, at);
    total += energy_F[frame];
    mm += moments[at];
    for (let channel = 0; channel < 3; channel++) md[channel] += moments[at + 1 + channel];
  }
  let color = 0;
  let gain = -Infinity;
  for (let candidate = 0; candidate < paletteContrast.length; candidate++) {
    const [r, g, b] = paletteContrast[candidate];
    const candidateGain = 2 * (r * md[0] + g * md[1] + b * md[2]) - paletteEnergy[candidate] * mm;
    if (candidateGain <= gain) continue;
    gain = candidateGain;
    color = candidate;
  }
  return { scene: { ...scene, color }, error: total - gain, moments };
}

function refine(evidence: Evidence, start: Fit): Fit {
  let best = start;
  let damping = 1e-3;
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const { scene, moved } = step(evidence, best, damping);
    if (moved < 1e-4) break;
    const next = evaluate(evidence, scene);
    if (next.error < best.error) {
      const gain = best.error - next.error;
      best = next;
      damping = Math.max(damping / 10, 1e-5);
      if (gain < 1e-5 * best.error && moved < 0.02) break;
    } else {
      damping *= 10;
      if (damping > 1e3) break;
    }
  }
  return best;
}

/** One damped Gauss–Newton step over (x, y, size, speed) in pixels; parameters that hit their bound leave the system. */
function step(evidence: Evidence, fit: Fit, damping: number): { scene: Scene; moved: number } {
  const { matrix, right } = normalEquations(evidence, fit);
  for (let p = 0; p < 4; p++) matrix[5 * p] = matrix[5 * p] * (1 + damping) + 1e-6;
  const { width, height, scale } = evidence;
  const along = directionVectors[fit.scene.direction][0] !== 0 ? width : height;
  const units = [width, height, scale, along];
  const old = [fit.scene.x, fit.scene.y, fit.scene.size, fit.scene.speed];
  const fixed: (number | null)[] = [null, null, null, null];
  let scene = fit.scene;
  for (let round = 0; round < 3; round++) {
    const change = solve(matrix, right, fixed);
    const [x, y, size, speed] = old.map((value, p) => value + Math.max(-3, Math.min(3, change[p])) / units[p]);
    const wanted = { ...fit.scene, x, y, size, speed };
    scene = inside(wanted);
    const got = [scene.x, scene.y, scene.size, scene.speed];
    const asked = [x, y, size, speed];
    let fresh = false;
    for (let p = 0; p < 4; p++) {
      if (fixed[p] !== null || Math.abs(got[p] - asked[p]) * units[p] < 1e-9) continue;
      fixed[p] = (got[p] - old[p]) * units[p];
      fresh = true;
    }
    if (!fresh) break;
  }
  const moved = Math.max(...[scene.x, scene.y, scene.size, scene.speed].map((v, p) => Math.abs(v - old[p]) * units[p]));
  return { scene, moved };
}

function normalEquations(evidence: Evidence, fit: Fit): { matrix: Float64Array; right: Float64Array } {
  const { moments, scene } = fit;
  const [dx, dy] = directionVectors[scene.direction];
  const color = paletteContrast[scene.color];
  const energy = paletteEnergy[scene.color];
  const matrix = new Float64Array(16);
  const right = new Float64Array(4);
  for (let frame = 0; frame < evidence.frames; frame++) {
    const at = frame * momentCount;
    const t = evidence.time_F[frame];
    const xx = moments[at + 16];
    const yy = moments[at + 17];
    const ss = moments[at + 18];
    const xy = moments[at + 19];
    const xs = moments[at + 20];
    const ys = moments[at + 21];
    const xv = t * (dx * xx + dy * xy);
    const yv = t * (dx * xy + dy * yy);
    const sv = t * (dx * xs + dy * ys);
    const vv = t * t * (dx * dx * xx + dy * dy * yy);
    const rows = [xx, xy, xs, xv, xy, yy, ys, yv, xs, ys, ss, sv, xv, yv, sv, vv];
    for (let i = 0; i < 16; i++) matrix[i] += rows[i];
    const gx = descent(moments, at, 0, color, energy) / energy;
    const gy = descent(moments, at, 1, color, energy) / energy;
    right[0] += gx;
    right[1] += gy;
    right[2] += descent(moments, at, 2, color, energy) / energy;
    right[3] += t * (dx * gx + dy * gy);
  }
  return { matrix, right };
}

/** Solves the symmetric positive 4×4 system with some unknowns fixed. */
function solve(matrix: Float64Array, right: Float64Array, fixed: readonly (number | null)[]): number[] {
  const a = Array.from({ length: 4 }, (_, i) => Array.from({ length: 4 }, (_, j) => matrix[4 * i + j]));
  const b = Array.from(right);
  fixed.forEach((value, p) => {
    if (value === null) return;
    for (let i = 0; i < 4; i++) {
      b[i] -= a[i][p] * value;
      a[i][p] = 0;
      a[p][i] = 0;
    }
    a[p][p] = 1;
    b[p] = value;
  });
  for (let i = 0; i < 4; i++) {
    for (let j = i + 1; j < 4; j++) {
      const factor = a[j][i] / a[i][i];
      for (let k = i; k < 4; k++) a[j][k] -= factor * a[i][k];
      b[j] -= factor * b[i];
    }
  }
  for (let i = 3; i >= 0; i--) {
    for (let k = i + 1; k < 4; k++) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

/** The nearest scene within the ranges of the world: size and speed first, then the start that they allow. */
function inside(scene: Scene): Scene {
  const size = clamp(scene.size, sizeRange);
  const speed = clamp(scene.speed, speedRange);
  const range = startRange(scene.shape, scene.direction, size, speed);
  const x = clamp(scene.x, { low: range.left, high: range.right });
  const y = clamp(scene.y, { low: range.top, high: range.bottom });
  return { ...scene, size, speed, x, y };
}

function clamp(value: number, range: { low: number; high: number }): number {
  return value < range.low ? range.low : value > range.high ? range.high : value;
}
