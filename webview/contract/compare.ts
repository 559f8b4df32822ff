/** What the comparison of runs and the extension host say to each other. Both sides check what they receive. */
import { z } from 'zod';
import { comparison, limits, runId, series } from '../../engine/protocol.ts';
import {
  answerMessage,
  askMessage,
  connectionMessage,
  copyMessage,
  count,
  problemMessage,
  refusalMessage,
  saveMessage,
  videoKind,
  videosResult,
} from './common.ts';

export const compareVersion = 1;

/** What the comparison keeps by `setState` must have this, so that it can come back after a reload of the window. */
export const compareState = z.looseObject({ runs: z.array(runId).min(1).max(limits.comparedRuns) });

export const compareQuestions = {
  /** Of one of the runs. */
  videos: { params: z.object({ run: runId, kind: videoKind, iteration: count }), result: videosResult },
} as const;
export type CompareQuestion = keyof typeof compareQuestions;

/** Host → comparison. */
export const toCompare = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('setup'),
    version: z.literal(compareVersion),
    runs: z.array(runId).min(1).max(limits.comparedRuns),
    autoplay: z.boolean(),
  }),
  connectionMessage,
  /** Sent at first and when one of the runs has gone on; `series` and `written` are in the order of the runs. */
  z.object({
    type: z.literal('comparison'),
    comparison,
    series: z.array(series),
    /** Iterations with videos on disk, by run. */
    written: z.array(z.array(z.object({ kind: videoKind, iteration: count, videos: count }))),
  }),
  problemMessage,
  answerMessage,
  refusalMessage,
]);
export type ToCompare = z.infer<typeof toCompare>;

/** Comparison → host. */
export const fromCompare = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), version: z.literal(compareVersion) }),
  z.object({ type: z.literal('openDashboard'), run: runId }),
  askMessage<CompareQuestion>(compareQuestions),
  copyMessage,
  saveMessage,
]);
export type FromCompare = z.infer<typeof fromCompare>;
