import type { Config } from '../config/schema.ts';
import type { MeasuredEqualizerState } from '../method/equalizer.ts';
import type { KernelTable } from '../method/kernels.ts';
import type { KlControllerState } from '../method/trust-region.ts';
import type { VideoWriter } from '../media/writer.ts';
import type { LossOptions, Policy } from '../policy/policy.ts';
import type { Reward } from '../reward/reward.ts';
import type { EventLog } from '../run/event-log.ts';
import type { Gate } from './gate.ts';

/** Everything of a run that changes and is not in the policy. Plain JSON: it is a checkpoint's state.json. */
export interface TrainerState {
  iteration: number;
  /** Optimizer updates so far. */
  updates: number;
  klController: KlControllerState;
  equalizer: MeasuredEqualizerState;
  /** Best evaluation so far. */
  best: { iteration: number; reward: number } | null;
  /** Reward of the newest evaluation and its iteration; a checkpoint carries it. */
  evaluated: { iteration: number; reward: number } | null;
  /** Iteration of the newest checkpoint; -1 before the first. */
  checkpointed: number;
}

/** What the terminal shows of a run that is going on. */
export type Progress =
  | {
      stage: 'encode' | 'evaluate' | 'rollout' | 'score' | 'update' | 'checkpoint';
      iteration: number;
      done?: number;
      of?: number;
    }
  | {
      stage: 'evaluated';
      iteration: number;
      reward: number;
      components: Record<string, number>;
      heldOut?: Record<string, number>;
      distance: number | null;
    }
  | { stage: 'iteration'; iteration: number; iterations: number; reward: number; seconds: number };

/** The parts of a replay request that stay the same for a whole run. */
export type LossSettings = Pick<
  LossOptions,
  'clipRange' | 'anchorWeight' | 'stepwiseWeight' | 'stepwiseEstimator' | 'useAnchor'
>;

/** All that the training loop works with. */
export interface TrainerContext {
  readonly runFolder: string;
  readonly config: Config;
  readonly prompts: readonly string[];
  readonly evaluationPrompts: readonly string[];
  /** Reward of clean videos of the evaluation's prompts, where the model world knows them. */
  readonly ceiling: number | null;
  readonly policy: Policy;
  readonly reward: Reward;
  /** Kernel of the rollouts. */
  readonly table: KernelTable;
  /** ODE table of the evaluation. */
  readonly evaluationTable: KernelTable;
  /** Explored steps of `table`, ascending. */
  readonly trainedSteps: readonly number[];
  readonly lossSettings: LossSettings;
  readonly state: TrainerState;
  readonly events: EventLog;
  readonly videos: VideoWriter;
  readonly gate: Gate;
  progress(progress: Progress): void;
}
