/** What the dashboard and the extension host say to each other. Both sides check what they receive. */
import { z } from 'zod';
import { limits, runId, runSummary, runView, runViewChange, series } from '../../engine/protocol.ts';
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

export const dashboardVersion = 1;

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
  videos: { params: z.object({ kind: videoKind, iteration: count }), result: videosResult },
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
  connectionMessage,
  /** Config and provenance; sent once and when the run was resumed. */
  z.object({ type: z.literal('summary'), summary: runSummary }),
  z.object({ type: z.literal('view'), view: runView }),
  z.object({ type: z.literal('change'), change: runViewChange }),
  problemMessage,
  /** Someone wants to see the videos of an iteration. */
  z.object({ type: z.literal('show'), kind: videoKind, iteration: count }),
  /** The action that is being carried out; null: none. */
  z.object({ type: z.literal('busy'), action: z.enum(dashboardActions).nullable() }),
  answerMessage,
  refusalMessage,
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
  askMessage<DashboardQuestion>(dashboardQuestions),
  copyMessage,
  saveMessage,
  /** Opens one video in an editor of its own. */
  z.object({ type: z.literal('openVideo'), kind: videoKind, iteration: count, file: z.string().max(1000) }),
]);
export type FromDashboard = z.infer<typeof fromDashboard>;
