/** What the dashboard and the extension host say to each other. Both sides check what they receive. */
import { z } from 'zod';
import {
  iterationVideos,
  limits,
  problem,
  runId,
  runSummary,
  runView,
  runViewChange,
  series,
} from '../../engine/protocol.ts';

export const dashboardVersion = 1;

const count = z.number().int().nonnegative();
const videoKind = z.enum(['rollouts', 'evaluation']);

/** What buttons do. The host carries it out by the command of the same name. */
export const dashboardActions = [
  ...(['pause', 'continue', 'checkpoint', 'stop', 'resume', 'kill'] as const),
  ...(['report', 'log', 'reveal', 'config', 'compare'] as const),
] as const;

/** What the dashboard keeps by `setState` must have this, so that it can come back after a reload of the window. */
export const dashboardState = z.looseObject({ run: runId });

/** Questions of the dashboard, with their answers. */
export const dashboardQuestions = {
  /** The series of some iterations, finer than that of the view. */
  series: {
    params: z.object({
      first: count,
      last: count,
      columns: z.number().int().min(limits.columns.least).max(limits.columns.most),
    }),
    result: series,
  },
  /**
   * Videos of an iteration. `sources` has, by `file` of each video, what a <video> and an <img> take. Videos that are not on
   * disk (yet) have none; `poster` is empty while that is not there.
   */
  videos: {
    params: z.object({ kind: videoKind, iteration: count }),
    result: iterationVideos.extend({
      sources: z.record(z.string(), z.object({ video: z.string(), poster: z.string() })),
    }),
  },
} as const;
export type DashboardQuestion = keyof typeof dashboardQuestions;

/** Host → dashboard. */
export const toDashboard = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('setup'),
    version: z.literal(dashboardVersion),
    run: runId,
    /** Whether videos play by themselves. */
    autoplay: z.boolean(),
    /** False in Restricted Mode: nothing can be started or steered. */
    trusted: z.boolean(),
  }),
  /** The engine that the dashboard gets its data from. While it is not connected, what is shown may be old. */
  z.object({
    type: z.literal('connection'),
    state: z.enum(['connecting', 'connected', 'disconnected']),
    /** Why it is disconnected and what happens next. */
    message: z.string().nullable(),
  }),
  /** Config and provenance; sent once and when the run was resumed. */
  z.object({ type: z.literal('summary'), summary: runSummary }),
  z.object({ type: z.literal('view'), view: runView }),
  z.object({ type: z.literal('change'), change: runViewChange }),
  /** The run cannot be read. */
  z.object({ type: z.literal('problem'), problem }),
  /** Someone wants to see the videos of an iteration. */
  z.object({ type: z.literal('show'), kind: videoKind, iteration: count }),
  /** The action that is being carried out; null: none. */
  z.object({ type: z.literal('busy'), action: z.enum(dashboardActions).nullable() }),
  z.object({ type: z.literal('answer'), id: count, result: z.unknown() }),
  z.object({ type: z.literal('refusal'), id: count, problem }),
]);
export type ToDashboard = z.infer<typeof toDashboard>;

/** Dashboard → host. */
export const fromDashboard = z.discriminatedUnion('type', [
  /** The first message: it listens now. Sent again when it has lost its state; the host then sends all anew. */
  z.object({ type: z.literal('ready'), version: z.literal(dashboardVersion) }),
  z.object({
    type: z.literal('action'),
    action: z.enum(dashboardActions),
    /** For `resume`: the checkpoint's iteration; the newest valid one if left out. */
    iteration: count.optional(),
  }),
  z.object({
    type: z.literal('ask'),
    id: count,
    question: z.enum(Object.keys(dashboardQuestions) as [DashboardQuestion, ...DashboardQuestion[]]),
    params: z.unknown(),
  }),
  z.object({ type: z.literal('copy'), text: z.string().max(100_000) }),
  /** Asks where to save and writes it. `data` is text for svg and csv, base64 for png. */
  z.object({
    type: z.literal('save'),
    name: z.string().max(200),
    format: z.enum(['svg', 'png', 'csv']),
    data: z.string().max(64 * 2 ** 20),
  }),
  /** Opens one video in an editor of its own. */
  z.object({ type: z.literal('openVideo'), kind: videoKind, iteration: count, file: z.string().max(1000) }),
]);
export type FromDashboard = z.infer<typeof fromDashboard>;
