/** The things that cross between engine and editor. Nothing here needs Node, so that a browser can use it too. */
import { z } from 'zod';
import { advice } from '../advice.ts';
import { errorCode } from '../error-code.ts';
import type { Diagnostic, Edit, Fix } from '../config/diagnostics.ts';
import type { ExplorationPreview } from '../config/exploration.ts';
import type { CheckpointInfo } from '../run/checkpoint.ts';
import type { Comparison } from '../run/compare.ts';
import {
  count,
  evaluationSchema,
  eventFault,
  eventKinds,
  measured,
  type EventOf,
  type RunEvent,
} from '../run/events.ts';
import type { RunGlance } from '../run/glance.ts';
import type { RunSummary, WarningSummary } from '../run/inspect.ts';
import { provenanceSchema, recordedChange, runStatuses } from '../run/record.ts';

/** Id of a run: the name of its folder. Never a path. */
export const runId = z
  .string()
  .min(1)
  .max(255)
  .regex(/^(?!\.)[^/\\:\p{Cc}]+$/u, 'is not the id of a run');

export const runStatus = z.enum([...runStatuses, 'crashed']);

/** Where an error was found. */
const place = z.object({
  file: z.string().optional(),
  line: z.number().optional(),
  column: z.number().optional(),
  key: z.string().optional(),
});

const configPath = z.string();

/** One change of a config, as data; paths are dotted. */
const edit: z.ZodType<Edit> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('set'), path: configPath, value: z.unknown() }),
  z.object({ kind: z.literal('rename'), path: configPath, name: z.string() }),
  z.object({ kind: z.literal('move'), path: configPath, to: configPath }),
  z.object({ kind: z.literal('remove'), path: configPath }),
]);

const fix: z.ZodType<Fix> = z.object({
  title: z.string(),
  edits: z.array(edit),
  preferred: z.boolean().optional(),
});

/** A finding of a config crosses with its fixes, so that whoever shows it can offer them. */
export const diagnostic: z.ZodType<Diagnostic> = z.object({
  severity: z.enum(['error', 'warning']),
  code: errorCode,
  message: z.string(),
  remedy: z.string(),
  fixes: z.array(fix).optional(),
  path: z.string(),
  line: count,
  column: count,
  endLine: count,
  endColumn: count,
  flag: z.string().optional(),
});

/** `data` of every error response that the engine itself gives. */
export const errorData = z.object({
  /** Stable, such as `run/locked`. */
  code: errorCode,
  /** What to do about it; may be empty. */
  remedy: z.string(),
  /** What does that: with ids of runs. */
  advice: z.array(advice).optional(),
  place,
  /** All findings, where the error is a config that cannot be run. */
  diagnostics: z.array(diagnostic).optional(),
});
export type ErrorData = z.infer<typeof errorData>;

/** An error inside of a result or a notification. */
export const problem = errorData.extend({ message: z.string() });
export type Problem = z.infer<typeof problem>;

/** A run as lists show it. */
export const runGlance: z.ZodType<RunGlance> = z.object({
  id: z.string(),
  folder: z.string(),
  broken: z.string().nullable(),
  name: z.string().nullable(),
  status: runStatus.nullable(),
  message: z.string().nullable(),
  created: z.string().nullable(),
  iterations: count,
  iterationsPlanned: z.number().nullable(),
  reward: measured,
  secondsPerIteration: measured,
  lastSeq: count,
  updated: z.string().nullable(),
});

export const checkpointInfo: z.ZodType<CheckpointInfo> = z.object({
  iteration: count,
  folder: z.string(),
  valid: z.boolean(),
  reason: z.string().nullable(),
  reward: measured,
  bytes: count,
});

const warningSummary: z.ZodType<WarningSummary> = z.object({
  code: errorCode,
  message: z.string(),
  remedy: z.string(),
  count,
  iteration: count,
});

const lightly = () => new Set(eventKinds);

/** An event. The engine has checked it in full; here, where it comes in, only what identifies it and its kind. */
export const runEvent = z.custom<RunEvent>((value) => eventFault(value, lightly()) === null, 'is not an event');
const iterationEvent = z.custom<EventOf<'iteration'>>(
  (value) => eventFault(value) === null && (value as RunEvent).kind === 'iteration',
  'is not an iteration event',
);

/** Everything about a run. */
export const runSummary: z.ZodType<RunSummary> = z.object({
  id: z.string(),
  name: z.string(),
  folder: z.string(),
  status: runStatus,
  message: z.string().nullable(),
  pid: z.number().nullable(),
  created: z.string(),
  iterations: count,
  iterationsPlanned: z.number().nullable(),
  config: z.record(z.string(), z.unknown()),
  changes: z.array(recordedChange).default([]),
  provenance: provenanceSchema,
  evaluation: z.object({
    first: evaluationSchema.nullable(),
    last: evaluationSchema.nullable(),
    best: evaluationSchema.nullable(),
  }),
  checkpoints: z.array(checkpointInfo),
  lastIteration: iterationEvent.nullable(),
  videosFolder: z.string().nullable(),
  warnings: z.array(warningSummary),
  updates: count,
  seconds: z.number(),
  lastSeq: count,
});

/** Runs side by side. */
export const comparison: z.ZodType<Comparison> = z.object({
  runs: z.array(runSummary),
  differences: z.array(z.object({ key: z.string(), values: z.array(z.unknown()) })),
  evaluations: z.array(z.array(evaluationSchema)),
  rows: z.array(
    z.object({
      id: z.string(),
      status: runStatus,
      iterations: count,
      updates: count,
      seconds: z.number(),
      first: evaluationSchema.nullable(),
      last: evaluationSchema.nullable(),
      best: evaluationSchema.nullable(),
      rewardGain: measured,
      distanceChange: measured,
    }),
  ),
});

/** One thing that the doctor looked at. */
export const finding = z.object({
  check: z.string(),
  state: z.enum(['ok', 'note', 'problem']),
  detail: z.string(),
  remedy: z.string().optional(),
  advice: z.array(advice).optional(),
});
export type Finding = z.infer<typeof finding>;

/** What a launch would do. */
export const launchPlan = z.object({
  /** Name of the run; its folder gets the date and time behind it. */
  name: z.string(),
  /** Machine on which it would train. */
  host: z.string(),
  runsFolder: z.string(),
  /** The program and its arguments, one each. */
  command: z.array(z.string()),
  model: z.string(),
  backend: z.string(),
  /** Null: the weights that come with the model. */
  weights: z.string().nullable(),
  adapter: z.string(),
  kernel: z.string(),
  reward: z.string(),
  iterations: count,
  promptsPerIteration: count,
  generations: count,
  rolloutsPerIteration: count,
});
export type LaunchPlan = z.infer<typeof launchPlan>;

export const folderEntry = z.object({
  name: z.string(),
  kind: z.enum(['file', 'folder']),
  /** 0 for a folder. */
  bytes: count,
});
export type FolderEntry = z.infer<typeof folderEntry>;

const stepReport = {
  a: z.number(),
  b: z.number(),
  s: z.number(),
  outputGradientNorm: measured,
  equalizer: measured,
  excessEnergy: measured,
};
const kernelName = z.enum(['sage', 'flow_grpo', 'dance_grpo', 'cps', 'ode']);

/** How a config explores. */
export const explorationPreview: z.ZodType<ExplorationPreview> = z.object({
  sigmas: z.array(z.number()),
  kernel: kernelName,
  eta: z.number(),
  sigmaMax: z.number(),
  stepsPerSample: z.number().nullable(),
  equalizer: z.enum(['analytic', 'measured', 'none']),
  kernels: z.array(
    z.object({
      kernel: kernelName,
      steps: z.array(z.object({ ...stepReport, explored: z.boolean() })).nullable(),
      fault: z.string().nullable(),
    }),
  ),
});
