/** What the comparison of runs and the extension host say to each other. Both sides check what they receive. */
import { z } from 'zod';
import { comparison, iterationVideos, limits, problem, runId, series } from '../../engine/protocol.ts';

export const compareVersion = 1;
const count = z.number().int().nonnegative();
const videoKind = z.enum(['rollouts', 'evaluation']);

/** What the comparison keeps by `setState` must have this, so that it can come back after a reload of the window. */
export const compareState = z.looseObject({ runs: z.array(runId).min(1).max(limits.comparedRuns) });

export const compareQuestions = {
  /** Videos of an iteration of one of the runs; `sources` as for the dashboard. */
  videos: {
    params: z.object({ run: runId, kind: videoKind, iteration: count }),
    result: iterationVideos.extend({
      sources: z.record(z.string(), z.object({ video: z.string(), poster: z.string() })),
    }),
  },
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
  z.object({
    type: z.literal('connection'),
    state: z.enum(['connecting', 'connected', 'disconnected']),
    message: z.string().nullable(),
  }),
  /** Sent at first and when one of the runs has gone on; `series` and `written` are in the order of the runs. */
  z.object({
    type: z.literal('comparison'),
    comparison,
    series: z.array(series),
    /** Iterations with videos on disk, by run. */
    written: z.array(z.array(z.object({ kind: videoKind, iteration: count, videos: count }))),
  }),
  z.object({ type: z.literal('problem'), problem }),
  z.object({ type: z.literal('answer'), id: count, result: z.unknown() }),
  z.object({ type: z.literal('refusal'), id: count, problem }),
]);
export type ToCompare = z.infer<typeof toCompare>;

/** Comparison → host. */
export const fromCompare = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), version: z.literal(compareVersion) }),
  z.object({ type: z.literal('openDashboard'), run: runId }),
  z.object({
    type: z.literal('ask'),
    id: count,
    question: z.enum(Object.keys(compareQuestions) as [CompareQuestion, ...CompareQuestion[]]),
    params: z.unknown(),
  }),
  z.object({ type: z.literal('copy'), text: z.string().max(100_000) }),
  z.object({
    type: z.literal('save'),
    name: z.string().max(200),
    format: z.enum(['svg', 'png', 'csv']),
    data: z.string().max(64 * 2 ** 20),
  }),
]);
export type FromCompare = z.infer<typeof fromCompare>;
