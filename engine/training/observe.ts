import type { GroupAdvantages } from '../method/advantages.ts';
import { excessEnergy } from '../method/kernels.ts';
import { outputGradientNorm } from '../method/logprob.ts';
import type { ReplayResult, OptimStepResult } from '../policy/policy.ts';
import { meansBeside, type Score } from '../reward/reward.ts';
import type { EventOf } from '../run/events.ts';
import type { TrainerContext } from './context.ts';
import { learningRate } from './settings.ts';

/** Collects what one iteration shows (method: what must be observable). */
export interface Observer {
  sampled(seconds: { sample: number; decode: number }): void;
  scored(scores: readonly Score[], rewards_N: readonly (number | null)[], group: GroupAdvantages): void;
  replayed(step: number, equalizer: number, result: ReplayResult): void;
  optimised(result: OptimStepResult): void;
  anchorRefreshed(updates: number): void;
  /** Awaits work and counts its time for a stage. */
  timed<T>(stage: 'score' | 'update', work: () => Promise<T>): Promise<T>;
  metrics(): IterationMetrics;
}

type IterationEvent = EventOf<'iteration'>;

/** The iteration event without its envelope. */
export type IterationMetrics = Omit<IterationEvent, 'kind' | 'iteration' | 'seq' | 'time' | 'v'>;

type Replay = ReplayResult & { equalizer: number; beforeUpdate: boolean };

export function createObserver(context: TrainerContext, iteration: number): Observer {
  const started = performance.now();
  const seconds = { rollout: 0, decode: 0, score: 0, update: 0 };
  const replays = new Map<number, Replay[]>();
  const optimised: OptimStepResult[] = [];
  let scoring: ScoringMetrics;
  let anchorRefreshes = 0;

  return {
    sampled({ sample, decode }) {
      seconds.rollout += sample;
      seconds.decode += decode;
    },
    scored(scores, rewards_N, group) {
      scoring = summariseScores(scores, rewards_N, group);
      const failures = scores.filter((score) => !score.scored);
      if (failures.length === 0) return;
      context.events.append({
        kind: 'warning',
        iteration,
        code: 'train/unscored-videos',
        message: `${failures.length} of ${scores.length} videos of iteration ${iteration} could not be scored: ${failures[0].reason}.`,
        remedy: 'They are left out of their groups. Many of them mean that the reward model needs a look.',
      });
    },
    replayed(step, equalizer, result) {
      const list = replays.get(step) ?? [];
      list.push({ ...result, equalizer, beforeUpdate: optimised.length === 0 });
      replays.set(step, list);
    },
    optimised(result) {
      optimised.push(result);
      if (!result.skipped) return;
      context.events.append({
        kind: 'warning',
        iteration,
        code: 'train/skipped-update',
        message: `An update of iteration ${iteration} was left out: its gradient was not finite.`,
        remedy: 'One is harmless. Several mean that the learning rate is too high or that a reward is extreme.',
      });
    },
    anchorRefreshed(updates) {
      anchorRefreshes += 1;
      context.events.append({ kind: 'anchor', iteration, updates });
    },
    async timed(stage, work) {
      const before = performance.now();
      try {
        return await work();
      } finally {
        seconds[stage] += (performance.now() - before) / 1000;
      }
    },
    metrics() {
      const all = [...replays.values()].flat();
      const total = (performance.now() - started) / 1000;
      const other = Math.max(0, total - seconds.rollout - seconds.decode - seconds.score - seconds.update);
      return {
        ...scoring,
        steps: stepMetrics(context, replays),
        firstReplayRatioDeviation: largest(all.filter((r) => r.beforeUpdate).map((r) => r.ratioDeviation)),
        loss: mean(all.map((r) => r.loss)),
        beta: context.state.klController.beta,
        learningRate: learningRate(context.config, iteration),
        updates: context.state.updates,
        gradientNorm: mean(optimised.map((r) => r.gradientNorm)),
        updateNorm: mean(optimised.map((r) => r.updateNorm)),
        skippedUpdates: optimised.filter((r) => r.skipped).length,
        anchorRefreshes,
        seconds: { ...seconds, other, total },
        peakMemory: context.policy.peakMemory(),
      };
    },
  };
}

type ScoringMetrics = Pick<
  IterationEvent,
  'reward' | 'components' | 'raw' | 'heldOut' | 'distance' | 'deadGroups' | 'unscored' | 'advantageAbsMean'
>;

function summariseScores(
  scores: readonly Score[],
  rewards_N: readonly (number | null)[],
  group: GroupAdvantages,
): ScoringMetrics {
  const rewards = rewards_N.filter((value) => value !== null);
  const scored = scores.filter((score) => score.scored);
  const components = Object.keys(scored[0].components);
  const distances = scored.map((score) => score.distance).filter((value) => value !== null);
  const advantages = group.advantages.flat().filter((value) => value !== null);
  return {
    reward: { mean: mean(rewards), std: deviation(rewards), min: Math.min(...rewards), max: Math.max(...rewards) },
    components: Object.fromEntries(components.map((name) => [name, mean(scored.map((s) => s.components[name]))])),
    ...meansBeside(scored),
    distance: distances.length > 0 ? mean(distances) : null,
    deadGroups: group.deadGroups,
    unscored: group.unscored,
    advantageAbsMean: mean(advantages.map(Math.abs)),
  };
}

type AlwaysThere = Exclude<
  keyof Replay,
  'beforeUpdate' | 'driftReference' | 'driftAnchor' | 'gradientNorm' | 'gradientNormRaw'
>;

function stepMetrics(context: TrainerContext, replays: Map<number, Replay[]>): IterationEvent['steps'] {
  const energy_K = excessEnergy(context.table);
  return [...replays.entries()]
    .sort(([j], [k]) => j - k)
    .map(([k, list]) => {
      const average = (field: AlwaysThere) => mean(list.map((r) => r[field]));
      // Measured in the first replay of every step at least.
      const measured = (field: 'gradientNorm' | 'gradientNormRaw') => meanOfMeasured(list.map((r) => r[field]))!;
      return {
        k,
        ratio: average('ratio'),
        ratioDeviation: largest(list.map((r) => r.ratioDeviation)),
        approxKl: average('approxKl'),
        clipFraction: average('clipFraction'),
        gradientNormRaw: measured('gradientNormRaw'),
        gradientNorm: measured('gradientNorm'),
        analyticNorm: outputGradientNorm(context.table.steps[k]),
        equalizer: average('equalizer'),
        klAnchor: average('klAnchor'),
        klStep: average('klStep'),
        driftReference: meanOfMeasured(list.map((r) => r.driftReference)),
        driftAnchor: meanOfMeasured(list.map((r) => r.driftAnchor)),
        excessEnergy: energy_K[k],
      };
    });
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function meanOfMeasured(values: readonly (number | null)[]): number | null {
  const measured = values.filter((value) => value !== null);
  return measured.length > 0 ? mean(measured) : null;
}

/** Population standard deviation. */
export function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
