import { createRandom, type Random } from '../../engine/shapes/random.ts';
import type { EventOf, RunEvent, VideoEntry } from '../../engine/run/events.ts';

export type IterationEvent = EventOf<'iteration'>;
export type EvaluationEvent = EventOf<'evaluation'>;

/** Curves and sizes from which the events of an INVENTED run are made: nothing was trained. */
export interface RunShape {
  seed: number;
  iterations: number;
  prompts: number;
  generations: number;
  /** Explored steps, and how many of them are trained in an iteration. */
  steps: number;
  stepsPerIteration: number;
  kernel: 'sage' | 'flow_grpo' | 'dance_grpo' | 'cps';
  equalizer: 'analytic' | 'measured';
  /** Reward at the start, spread among rollouts, and what is gained in the end, in spreads. */
  reward: number;
  spread: number;
  gain: number;
  /** Iterations in which 63 % of the gain come. */
  pace: number;
  /** Spread of what prompts are worth, in spreads. */
  promptSpread: number;
  /** Share of the gain by component; weights are 1. */
  components: Record<string, number>;
  /** Share of the room to the ceiling that the gain closes; null: no ceiling is known. */
  closes: number | null;
  /** Manifold distance at the start and its relative change; null: not measured. */
  distance: { start: number; change: number } | null;
  /**
   * Metrics that are only watched: value at the start, spread among prompts, and change over the run in such spreads;
   * null: none.
   */
  heldOut: Record<string, { start: number; spread: number; change: number }> | null;
  deadRate: number;
  clip: number;
  /** Drift at the end and the power of time with which it grows. */
  drift: { end: number; power: number };
  /** |ratio − 1| at the first replay. */
  ratio: number;
  seconds: Record<'rollout' | 'decode' | 'score' | 'update' | 'other', number>;
  evaluateEvery: number;
  writeEvery: number;
}

/** Changes events of a run before they are numbered, to make it ill. */
export interface Changes {
  iteration?(event: IterationEvent, at: { shape: RunShape; random: Random }): void;
  evaluation?(event: EvaluationEvent, at: { shape: RunShape; random: Random }): void;
  video?(video: VideoEntry, iteration: number): void;
}

const time = '2026-01-01T00:00:00.000Z';

const whole = (random: Random, from: number, to: number) => from + random.integer(to + 1 - from);
const choose = <T>(random: Random, values: readonly T[]): T => values[whole(random, 0, values.length - 1)];

/** A healthy run, like those that were really trained: fast or slow, noisy or smooth, with or without a known ceiling. */
export function healthyShape(seed: number, own: Partial<RunShape> = {}): RunShape {
  const random = createRandom(seed, 11);
  const steps = whole(random, 1, 20);
  const spread = choose(random, [0.05, 0.3, 1, 2.5]);
  const third = random.between(0.25, 0.4);
  return {
    seed,
    iterations: 100,
    prompts: choose(random, [1, 2, 4, 8, 16]),
    generations: choose(random, [4, 8, 16]),
    steps,
    stepsPerIteration: whole(random, Math.ceil(steps / 2), steps),
    kernel: choose(random, ['sage', 'flow_grpo', 'dance_grpo', 'cps'] as const),
    equalizer: choose(random, ['analytic', 'measured'] as const),
    reward: random.between(-2, 2),
    spread,
    gain: random.between(0.8, 3),
    pace: choose(random, [15, 40, 100, 150]),
    promptSpread: random.between(0.1, 0.7),
    components: { VQ: third, MQ: 0.65 - third, TA: 0.35 },
    closes: choose(random, [null, random.between(0.7, 0.98)]),
    distance: choose(random, [null, { start: random.between(0.04, 0.4), change: random.between(-0.2, 0.05) }]),
    heldOut: heldOutOf(seed),
    deadRate: random.between(0, 0.08),
    clip: random.between(0, 0.28),
    drift: { end: random.between(0.01, 0.35), power: random.between(0.6, 2) },
    ratio: choose(random, [0, 0, random.between(1e-7, 5e-6)]),
    seconds: secondsOf(random),
    evaluateEvery: choose(random, [0, 5, 10, 50]),
    writeEvery: choose(random, [0, 5, 20]),
    ...own,
  };
}

/** Of two runs in three, metrics that rise with the reward, stay, or lose a little. */
function heldOutOf(seed: number): RunShape['heldOut'] {
  const random = createRandom(seed, 13);
  if (random.uniform() < 1 / 3) return null;
  const change = () => random.between(-0.12, 0.6);
  return {
    clipscore: { start: random.between(20, 32), spread: random.between(0.5, 4), change: change() },
    pickscore: { start: random.between(19, 23), spread: random.between(0.3, 1.5), change: change() },
  };
}

/** What the metrics of a run are after an iteration: of its prompts, or of those of an evaluation, which stay the same. */
function heldOutAt(shape: RunShape, iteration: number, of: 'rollouts' | 'evaluation'): Record<string, number> | null {
  if (shape.heldOut === null) return null;
  // Beside the other numbers, which are the same with and without metrics.
  const random = createRandom(shape.seed, (of === 'rollouts' ? 1e6 : 2e6) + iteration);
  const noise = of === 'rollouts' ? 1 / Math.sqrt(shape.prompts) : 0.04;
  return Object.fromEntries(
    Object.entries(shape.heldOut).map(([name, { start, spread, change }]) => [
      name,
      start + spread * (change * learned(shape, iteration) + noise * random.normal()),
    ]),
  );
}

/** Times of an iteration of between half a second and twenty minutes. */
function secondsOf(random: Random): RunShape['seconds'] {
  const total = 10 ** random.between(-0.3, 3);
  const share = (from: number, to: number) => total * random.between(from, to);
  return {
    ...{ rollout: share(0.1, 0.5), decode: share(0.01, 0.15), score: share(0.02, 0.3) },
    ...{ update: share(0.3, 0.7), other: share(0.001, 0.03) },
  };
}

/** The resolved config of such a run, as far as it is one. */
export function configOf(shape: RunShape): Record<string, unknown> {
  return {
    name: 'invented',
    policy: { model: 'shapes', backend: 'onnx', threads: 2 },
    exploration: { kernel: shape.kernel, eta: 0.5 },
    rollout: { prompts_per_iteration: shape.prompts, generations: shape.generations },
    reward: {
      model: 'videoalign',
      weights: Object.fromEntries(Object.keys(shape.components).map((name) => [name, 1])),
    },
    training: { iterations: shape.iterations, learning_rate: 1e-4, clip_range: 1e-4, micro_batch: 32 },
    equalizer: { mode: shape.equalizer },
    trust_region: {
      anchor: { mode: 'moving', interval: 10 },
      beta: { controller: 'adaptive', minimum: 1e-7, weight: 1e-5, target: 0.01, ramp_calls: 100 },
    },
    checkpoints: { every: 20 },
    videos: { every: shape.writeEvery },
  };
}

/** All events of a run, from its start to its end, valid by the schema of events. */
export function runEvents(shape: RunShape, changes: Changes = {}): RunEvent[] {
  const random = createRandom(shape.seed, 12);
  const at = { shape, random };
  const events: RunEvent[] = [];
  const add = (event: RunEvent) => void events.push({ ...event, seq: events.length + 1 });
  const stamp = (iteration: number) => ({ seq: 0, v: 1 as const, time, iteration });
  const evaluate = (iteration: number) => {
    const event = evaluationEvent(shape, iteration, random);
    changes.evaluation?.(event, at);
    add(event);
  };
  add({ kind: 'run_started', runId: 'invented', ...stamp(0) });
  evaluate(0);
  for (let iteration = 1; iteration <= shape.iterations; iteration++) {
    const event = iterationEvent(shape, iteration, random);
    changes.iteration?.(event, at);
    add(event);
    if (shape.writeEvery > 0 && iteration % shape.writeEvery === 0) {
      const videos = [0, 1].map((generation) => videoEntry(shape, iteration, generation));
      for (const video of videos) changes.video?.(video, iteration);
      add({ kind: 'rollouts', folder: `rollouts/${String(iteration).padStart(6, '0')}`, videos, ...stamp(iteration) });
    }
    const due = shape.evaluateEvery > 0 && iteration % shape.evaluateEvery === 0;
    if (due || iteration === shape.iterations) evaluate(iteration);
    if (iteration % 20 === 0)
      add({ kind: 'checkpoint', folder: `checkpoints/${iteration}`, reward: null, best: false, ...stamp(iteration) });
  }
  return events;
}

/** 0 at the start, near 1 after several paces. */
const learned = ({ pace }: RunShape, iteration: number) => 1 - Math.exp(-iteration / pace);

export function iterationEvent(shape: RunShape, iteration: number, random: Random): IterationEvent {
  const { spread, prompts, generations, seconds } = shape;
  const noise = spread * Math.hypot(shape.promptSpread / Math.sqrt(prompts), 1 / Math.sqrt(prompts * generations));
  const names = Object.keys(shape.components);
  const components = Object.fromEntries(
    names.map((name) => [
      name,
      shape.reward / names.length +
        shape.components[name] * shape.gain * spread * learned(shape, iteration) +
        (noise / Math.sqrt(names.length)) * random.normal(),
    ]),
  );
  const mean = Object.values(components).reduce((sum, value) => sum + value, 0);
  const hiccup = random.uniform() < 0.01 ? random.between(2, 8) : 1;
  const stage = (name: keyof RunShape['seconds']) => seconds[name] * hiccup * Math.exp(0.1 * random.normal());
  const times = {
    ...{ rollout: stage('rollout'), decode: stage('decode'), score: stage('score') },
    ...{ update: stage('update'), other: stage('other') },
  };
  const heldOut = heldOutAt(shape, iteration, 'rollouts');
  return {
    ...{ kind: 'iteration', seq: 0, v: 1, time, iteration },
    ...(heldOut && { heldOut }),
    reward: { mean, std: spread * Math.exp(0.15 * random.normal()), min: mean - 2 * spread, max: mean + 2 * spread },
    components,
    distance: shape.distance && distanceAt(shape, iteration) * Math.exp(0.05 * random.normal()),
    deadGroups: Array.from({ length: prompts }, () => random.uniform()).filter((u) => u < shape.deadRate).length,
    unscored: 0,
    advantageAbsMean: 0.8,
    steps: stepsOf(shape, iteration, random),
    firstReplayRatioDeviation: shape.ratio,
    loss: 0.05 * random.normal(),
    beta: iteration < 15 ? 6.7e-7 * iteration : 1e-7,
    learningRate: 1e-4,
    updates: 4 * iteration,
    updateNorm: 0.02 * Math.exp(0.1 * random.normal()),
    gradientNorm: 0.01 * Math.exp(0.2 * random.normal()),
    anchorRefreshes: 0,
    skippedUpdates: 0,
    seconds: { ...times, total: Object.values(times).reduce((sum, value) => sum + value, 0) },
    peakMemory: 6e8,
  };
}

function distanceAt({ distance, ...shape }: RunShape, iteration: number): number {
  return distance!.start * (1 + distance!.change * learned({ distance, ...shape }, iteration));
}

function stepsOf(shape: RunShape, iteration: number, random: Random): IterationEvent['steps'] {
  const all = Array.from({ length: shape.steps }, (_, k) => ({ k, order: random.uniform() }));
  const trained = all.sort((a, b) => a.order - b.order).slice(0, shape.stepsPerIteration);
  const middle = 1.3 ** (shape.steps / 2);
  const drift = shape.drift.end * (iteration / Math.max(iteration, shape.iterations)) ** shape.drift.power;
  return trained
    .map(({ k }) => k)
    .sort((a, b) => a - b)
    .map((k) => {
      const analyticNorm = 0.1 * 1.3 ** k;
      const gradientNormRaw = 0.02 * analyticNorm * Math.exp(0.25 * random.normal() + 0.3 * Math.sin(k));
      const equalizer = (0.1 * middle) / analyticNorm;
      const clip = shape.clip * (1 + k / shape.steps) * random.between(0.2, 1.8) * 0.66;
      return {
        k,
        ratio: 1,
        ratioDeviation: Math.max(shape.ratio, random.between(0, 1e-3)),
        approxKl: 1e-9,
        clipFraction: Math.min(1, clip),
        gradientNormRaw,
        gradientNorm: gradientNormRaw * equalizer,
        analyticNorm,
        equalizer,
        klAnchor: 2e-5 * Math.exp(0.5 * random.normal()),
        klStep: 1e-9,
        driftReference: drift * (1 + 0.02 * k) * Math.exp(0.15 * random.normal()),
        driftAnchor: 1e-5,
        excessEnergy: shape.kernel === 'sage' ? 1 : 1.3,
      };
    });
}

export function evaluationEvent(shape: RunShape, iteration: number, random: Random): EvaluationEvent {
  const videos = 32;
  const noise = (0.5 * shape.spread) / Math.sqrt(videos);
  const names = Object.keys(shape.components);
  const gained = shape.gain * shape.spread;
  const components = Object.fromEntries(
    names.map((name) => [
      name,
      shape.reward / names.length +
        shape.components[name] * gained * learned(shape, iteration) +
        (noise / Math.sqrt(names.length)) * random.normal(),
    ]),
  );
  const heldOut = heldOutAt(shape, iteration, 'evaluation');
  return {
    ...{ kind: 'evaluation', seq: 0, v: 1, time, iteration },
    ...(heldOut && { heldOut }),
    reward: Object.values(components).reduce((sum, value) => sum + value, 0),
    rewardStd: shape.spread,
    components,
    distance: shape.distance && distanceAt(shape, iteration) * Math.exp(0.02 * random.normal()),
    ...{ videos, unscored: 0 },
    ceiling: shape.closes === null ? null : shape.reward + gained / shape.closes,
    ...{ seconds: 2, best: false },
  };
}

function videoEntry(shape: RunShape, iteration: number, generation: number): VideoEntry {
  return {
    ...{ file: `p0-g${generation}.mp4`, poster: `p0-g${generation}.png`, prompt: 'a red circle moving left' },
    ...{ promptIndex: 0, generation, seedKey: { seed: shape.seed, stream: 0, iteration, prompt: 0, generation } },
    ...{ reward: shape.reward, components: {}, advantage: 0, distance: null },
  };
}
