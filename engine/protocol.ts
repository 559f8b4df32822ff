/**
 * What the engine and the editor say to each other: JSON-RPC 2.0, params by name. Both sides check what they receive
 * against these schemas. Words are those of config and events.
 */
import { z } from 'zod';
import {
  checkpointInfo,
  comparison,
  diagnostic,
  explorationPreview,
  finding,
  folderEntry,
  launchPlan,
  problem,
  runEvent,
  runGlance,
  runId,
  runSummary,
} from './protocol/records.ts';
import { deviceName, estimate } from './protocol/estimate.ts';
import { series } from './protocol/series.ts';
import { iterationVideos, runView, runViewChange } from './protocol/view.ts';
import { count } from './run/events.ts';

export * from './protocol/estimate.ts';
export * from './protocol/records.ts';
export * from './protocol/series.ts';
export * from './protocol/view.ts';
export {
  eventFault,
  eventsVersion,
  firstIssue,
  type EvaluationSummary,
  type EventOf,
  type RunEvent,
  type VideoEntry,
} from './run/events.ts';
export type { RunGlance } from './run/glance.ts';
export type { RunSummary } from './run/inspect.ts';
export type { Comparison } from './run/compare.ts';
export type { CheckpointInfo } from './run/checkpoint.ts';
export type { Advice } from './advice.ts';
export type { Diagnostic } from './config/diagnostics.ts';
export type { Estimate } from './config/estimate/estimate.ts';
export type { ExplorationPreview, KernelPreview, StepReport } from './config/exploration.ts';

/** Grows with every change that an older side would not understand. */
export const protocolVersion = 1;

export const limits = {
  /** Bytes that one `run/readFile` gives at most. */
  readBytes: 1 << 20,
  /** Bytes of a message that the engine sends at most; what there is to tell beyond that is a problem. */
  messageBytes: 64 << 20,
  /** Events in one page. A page also ends after about 1 MiB of log. */
  pageEvents: 500,
  /** Characters of a config's text. */
  configText: 4 * 2 ** 20,
  /** Entries that one `run/listFiles` gives at most. */
  folderEntries: 10_000,
  /** Runs that can be compared at once. */
  comparedRuns: 8,
  /** Columns of a series, as asked for; of a long run there may be half to twice as many. */
  columns: { least: 50, most: 2000 },
} as const;

/** Codes of error responses besides those of JSON-RPC. `data` says more: see `errorData`. */
export const errorCodes = {
  /** The request was understood and could not be done; `data.code` says why. */
  failed: 1,
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  cancelled: -32800,
} as const;

const nothing = z.strictObject({});
const onRun = z.strictObject({ run: runId });
const done = z.object({});
/** Relative to the run folder, with `/`. Whether it stays inside is checked on the disk. */
const path = z.string().max(4096);

const columns = z.number().int().min(limits.columns.least).max(limits.columns.most);

/** `path=value`, put over a config, as with `--set`. */
const overrides = z.array(z.string().max(100_000)).max(1000).default([]);

/** A config to look at or to launch. */
const configSource = {
  /** Absolute path on the engine's machine. With `text`, it only names the config and says where relative paths start. */
  file: z.string().min(1).max(4096),
  /** Content, where it is not (or not only) in the file. */
  text: z.string().max(limits.configText).optional(),
  overrides,
};

/** A trainer that was started and goes on by itself. */
const started = z.object({ run: z.string(), folder: z.string(), pid: z.number() });

/** Requests of the editor, each with its params and its result. */
export const requests = {
  /** Must be the first request. A protocol version that the engine does not speak is refused (`protocol/version`). */
  'engine/hello': {
    params: z.strictObject({
      protocolVersion: count,
      /** Who it is; control requests are logged under this name. */
      client: z.strictObject({ name: z.string().min(1).max(100), version: z.string().max(100) }),
    }),
    result: z.object({
      protocolVersion: count,
      packageVersion: z.string(),
      node: z.string(),
      platform: z.string(),
      host: z.string(),
      pid: z.number(),
      runs: z.object({ folder: z.string(), exists: z.boolean(), writable: z.boolean() }),
    }),
  },
  'engine/ping': { params: nothing, result: done },
  'engine/doctor': { params: nothing, result: z.object({ findings: z.array(finding) }) },

  'runs/list': { params: nothing, result: z.object({ runs: z.array(runGlance) }) },
  /** Lists the runs and from then on tells every change by `runs/changed`. */
  'runs/watch': { params: nothing, result: z.object({ runs: z.array(runGlance) }) },
  'runs/unwatch': { params: nothing, result: done },
  'runs/compare': {
    params: z.strictObject({ runs: z.array(runId).min(1).max(limits.comparedRuns) }),
    result: comparison,
  },

  /** `deep` checks the sha256 of every file of the checkpoints. */
  'run/inspect': { params: onRun.extend({ deep: z.boolean().default(false) }), result: runSummary },
  'run/checkpoints': { params: onRun, result: z.object({ checkpoints: z.array(checkpointInfo) }) },
  /**
   * Sends the events from `fromSeq` on by `run/events`, first those that are there, then each as it happens.
   * `lastTime` is the `time` of the event before `fromSeq`, for one who has it: if the log now has another event there,
   * because a resume cut it, everything is sent anew and marked `restarted`.
   */
  'run/subscribe': {
    params: onRun.extend({
      fromSeq: count.default(0),
      lastTime: z.string().max(40).optional(),
      pageEvents: z.number().int().min(1).max(limits.pageEvents).default(limits.pageEvents),
    }),
    result: z.object({ subscription: count }),
  },
  'run/unsubscribe': { params: z.strictObject({ subscription: count }), result: done },
  /**
   * Sends what a dashboard shows of a run: first all of it by `run/view`, then what changes by `run/viewChanged`, at most ten
   * times a second. Append changes, and fold to `columns` when there are more than twice as many. What was measured is sent
   * with about six significant digits. A series shows at most `maximumComponents` components, the first that came, and
   * `maximumSteps` steps.
   */
  'run/observe': {
    params: onRun.extend({ columns: columns.default(500) }),
    result: z.object({ observation: count }),
  },
  'run/unobserve': { params: z.strictObject({ observation: count }), result: done },
  /** The series of some iterations, finer than the whole: for zooming in. */
  'run/series': { params: onRun.extend({ first: count, last: count, columns: columns.default(500) }), result: series },
  /** What is known of the videos that were written at an iteration. */
  'run/videos': {
    params: onRun.extend({ kind: z.enum(['rollouts', 'evaluation']), iteration: count }),
    result: iterationVideos,
  },
  'run/readFile': {
    params: onRun.extend({
      path,
      offset: count.default(0),
      length: z.number().int().min(1).max(limits.readBytes).default(limits.readBytes),
    }),
    result: z.object({
      /** base64; shorter than asked for only at the end of the file. */
      data: z.string(),
      offset: count,
      /** Of the whole file, when it was read. */
      size: count,
      mimeType: z.string(),
    }),
  },
  'run/listFiles': {
    params: onRun.extend({ path: path.default('') }),
    result: z.object({ entries: z.array(folderEntry), truncated: z.boolean() }),
  },

  /** Starts a trainer that outlives engine and editor. Answered when training begins, or with why it does not. */
  'run/launch': { params: z.strictObject(configSource), result: started },
  /**
   * Continues a run from its newest valid checkpoint, or from that of an iteration; what came after it is discarded.
   * `overrides` change some of its settings from there on, see docs/architecture.md.
   */
  'run/resume': { params: onRun.extend({ from: count.optional(), overrides }), result: started },
  /** Takes effect after the iteration that is going on. */
  'run/control': {
    params: onRun.extend({ request: z.enum(['pause', 'continue', 'checkpoint', 'stop']) }),
    result: z.object({ iteration: count, paused: z.boolean(), stopping: z.boolean() }),
  },
  /** Ends the trainer at once, without a checkpoint. The run then counts as crashed and can be resumed. */
  'run/kill': { params: onRun, result: z.object({ pid: z.number() }) },
  /** Gives the folder to remove; refused while a trainer holds the run. Removes nothing itself. */
  'run/deletable': { params: onRun, result: z.object({ folder: z.string() }) },
  /** Writes the HTML report into the run folder; `path` is for `run/readFile`. */
  'run/report': { params: onRun, result: z.object({ folder: z.string(), path: z.string() }) },

  'config/validate': { params: z.strictObject(configSource), result: z.object({ diagnostics: z.array(diagnostic) }) },
  /** What a launch would do; `plan` is null when the config has errors. */
  'config/explain': {
    params: z.strictObject(configSource),
    result: z.object({ diagnostics: z.array(diagnostic), plan: launchPlan.nullable() }),
  },
  /** How a config explores, by the functions that training uses; null when its kernel is not valid on its schedule. */
  'config/exploration': {
    params: z.strictObject(configSource),
    result: z.object({ diagnostics: z.array(diagnostic), preview: explorationPreview.nullable() }),
  },
  /** What a config is expected to take, and the same as a page of Markdown; null and empty when it has errors. */
  'config/estimate': {
    params: z.strictObject({ ...configSource, device: deviceName.optional() }),
    result: z.object({ diagnostics: z.array(diagnostic), estimate: estimate.nullable(), markdown: z.string() }),
  },
  'config/presets': {
    params: nothing,
    result: z.object({
      presets: z.array(z.object({ name: z.string(), description: z.string(), text: z.string() })),
    }),
  },
} as const satisfies Record<string, { params: z.ZodType; result: z.ZodType }>;

/** What the engine tells by itself. */
export const notifications = {
  /** Runs that are new or changed, as they are now, and ids of those that are gone. */
  'runs/changed': z.object({ changed: z.array(runGlance), removed: z.array(z.string()) }),
  /**
   * The next events of a subscription, in order. `caughtUp`: there were no more when the page was sent. `restarted`: the
   * log was cut back by a resume; forget what came before, the page begins anew.
   */
  'run/events': z.object({
    subscription: count,
    events: z.array(runEvent),
    restarted: z.boolean(),
    caughtUp: z.boolean(),
  }),
  /** The whole view: the first, and again when a resume has cut the log back; forget what came before. */
  'run/view': z.object({ observation: count, view: runView }),
  'run/viewChanged': z.object({ observation: count, change: runViewChange }),
  /** An observation ended because the run cannot be read any more. */
  'run/unobservable': z.object({ observation: count, problem }),
  /** A subscription ended because the log cannot be read any more. */
  'run/unreadable': z.object({ subscription: count, problem }),
} as const satisfies Record<string, z.ZodType>;

export type RequestName = keyof typeof requests;
/** Params as they are sent: what has a default may be left out. */
export type ParamsOf<Name extends RequestName> = z.input<(typeof requests)[Name]['params']>;
/** Params as they are handled: defaults are filled in. */
export type CheckedParamsOf<Name extends RequestName> = z.output<(typeof requests)[Name]['params']>;
export type ResultOf<Name extends RequestName> = z.output<(typeof requests)[Name]['result']>;

export type NotificationName = keyof typeof notifications;
export type NotificationOf<Name extends NotificationName> = z.output<(typeof notifications)[Name]>;
