/** What a dashboard shows of a run, and how it changes. */
import { z } from 'zod';
import type { ErrorCode } from '../error-code.ts';
import { count, evaluationSchema, measured, videoSchema } from '../run/events.ts';

export { videoSchema };
import { checkpointInfo, runGlance } from './records.ts';
import { series } from './series.ts';

/** Codes of `health`, worst first. They are stable: tests, links and settings name them. */
export const healthCodes = [
  'health/not-finite',
  'health/first-replay-ratio',
  'health/reward-hacking',
  'health/trainer-died',
  'health/drift-accelerating',
  'health/unscored-videos',
  'health/dead-groups',
  'health/reward-flat',
  'health/one-component',
  'health/gradient-imbalance',
  'health/clip-fraction',
  'health/kl-bound',
  'health/slow-stage',
] as const satisfies readonly ErrorCode[];

/** One thing that is wrong, or may be, with a run. */
export const healthFinding = z.object({
  code: z.enum(healthCodes),
  /** `problem`: results cannot be trusted or training does not work; `warning`: likely wasteful or soon a problem. */
  severity: z.enum(['problem', 'warning']),
  /** One sentence that says what is the case. */
  title: z.string(),
  /** The numbers it rests on, with units and iterations. */
  evidence: z.string(),
  /** What it does to training. */
  why: z.string(),
  /** What to try: config keys with values, or what to look at. */
  remedy: z.string(),
  /** The config key that the remedy is about, as `training.learning_rate`; null when there is none. */
  key: z.string().nullable(),
  /** The iterations in which it showed. */
  first: count,
  last: count,
  /** The explored steps it is about; empty when it is about all. */
  steps: z.array(count),
});
export type HealthFinding = z.infer<typeof healthFinding>;

/** Rollouts or evaluation videos that were written to disk. */
export const writtenVideos = z.object({
  kind: z.enum(['rollouts', 'evaluation']),
  iteration: count,
  videos: count,
});
export type WrittenVideos = z.infer<typeof writtenVideos>;

/** A refresh of the moving anchor. */
export const anchorRefresh = z.object({ iteration: count, updates: count });

/** Lists that only grow, until a resume cuts the log back and the view begins anew. */
const growing = {
  series,
  evaluations: z.array(evaluationSchema),
  anchors: z.array(anchorRefresh),
  written: z.array(writtenVideos),
};

/** What is sent whole each time, because it is small. */
const current = {
  glance: runGlance,
  checkpoints: z.array(checkpointInfo),
  health: z.array(healthFinding),
  /** Rollouts a second, decoding and scoring included, over the newest iterations. */
  videosPerSecond: measured,
  /** Seconds until the run ends if it goes on as it does; null when it does not run. */
  secondsLeft: measured,
};

/** Everything a dashboard shows of a run, but for videos. */
export const runView = z.object({ ...current, ...growing });
export type RunView = z.infer<typeof runView>;

/** What came since the view or the change before: `current` as it is now, and what was added to the lists. */
export const runViewChange = z.object({ ...current, ...growing });
export type RunViewChange = z.infer<typeof runViewChange>;

/** The videos of an iteration, with what is known of each. Files are relative to the run folder. */
export const iterationVideos = z.object({
  kind: z.enum(['rollouts', 'evaluation']),
  iteration: count,
  videos: z.array(videoSchema),
});
export type IterationVideos = z.infer<typeof iterationVideos>;
