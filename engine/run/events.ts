import { z } from 'zod';
import { errorCode } from '../error-code.ts';

/** Version of the event kinds below; a reader refuses lines of a later one. */
export const eventsVersion = 1;

/** null where a value could not be measured or was not finite (JSON knows no NaN). */
export const measured = z.number().nullable();
export const count = z.number().int().nonnegative();
const seconds = z.number().nonnegative();
const components = z.record(z.string(), z.number());

/** Means of what was measured beside the components; runs that measure nothing of the kind have no such field. */
const beside = {
  /** Components on the model's own scale, where that differs from the one that the reward uses. */
  raw: components.optional(),
  /** Metrics that are only watched. */
  heldOut: components.optional(),
};

/** What an evaluation found. */
const evaluationFields = {
  reward: z.number(),
  rewardStd: z.number(),
  components,
  ...beside,
  distance: measured,
  /** Videos that were scored, and videos that could not be. */
  videos: count,
  unscored: count,
  /** Reward of flawless videos of the same prompts, where it is known. */
  ceiling: measured,
};

/** An evaluation without its event; `iteration` is the number of iterations done, 0 before training. */
export const evaluationSchema = z.object({ iteration: count, ...evaluationFields });
export type EvaluationSummary = z.infer<typeof evaluationSchema>;

/** What every line carries. `seq` grows by one a line; `time` is ISO 8601 in UTC. */
const common = { seq: count, time: z.iso.datetime(), iteration: count, v: z.literal(eventsVersion) };

function eventOf<Kind extends string, Shape extends z.ZodRawShape>(kind: Kind, shape: Shape) {
  return z.object({ ...common, kind: z.literal(kind), ...shape });
}

/** Key of a sample's noise generator; the same as `NoiseKey` of the policy. */
const seedKey = z.object({ seed: z.number(), stream: count, iteration: count, prompt: count, generation: count });

/** One video of a `rollouts` or `evaluation_videos` event. */
export const videoSchema = z.object({
  /** Relative to the event's `folder`. */
  file: z.string(),
  poster: z.string(),
  prompt: z.string(),
  promptIndex: count,
  generation: count,
  seedKey,
  reward: measured,
  components: components.nullable(),
  ...beside,
  /** What a reader of the score should know, such as that the prompt was cut to 77 tokens. */
  notes: z.array(z.string()).optional(),
  advantage: measured,
  distance: measured,
  /** Why the video has no reward. */
  reason: z.string().optional(),
});

/** Observables of one explored step k of an iteration: means over its micro-batches. */
const step = z.object({
  k: count,
  ratio: measured,
  ratioDeviation: measured,
  approxKl: measured,
  clipFraction: measured,
  /** Parameter-gradient norm before and after equalization. */
  gradientNormRaw: measured,
  gradientNorm: measured,
  /** N_k = |b_k|/s_k. */
  analyticNorm: measured,
  /** e_k. */
  equalizer: measured,
  klAnchor: measured,
  klStep: measured,
  driftReference: measured,
  driftAnchor: measured,
  /** s_k²/Σ_k. */
  excessEnergy: measured,
});

export type VideoEntry = z.infer<typeof videoSchema>;

const setting = z.union([z.number(), z.string(), z.boolean(), z.null()]);

/** A value of the config that was given anew when the run was resumed. */
export const settingChange = z.object({ path: z.string(), from: setting, to: setting });
export type SettingChange = z.infer<typeof settingChange>;

const kinds = {
  run_started: eventOf('run_started', { runId: z.string() }),
  run_resumed: eventOf('run_resumed', {
    fromIteration: count,
    /** What holds from here on; left out where all is as before. */
    changes: z.array(settingChange).optional(),
  }),
  evaluation: eventOf('evaluation', {
    ...evaluationFields,
    seconds,
    best: z.boolean(),
  }),
  iteration: eventOf('iteration', {
    reward: z.object({ mean: z.number(), std: z.number(), min: z.number(), max: z.number() }),
    components,
    ...beside,
    distance: measured,
    deadGroups: count,
    unscored: count,
    /** Mean |A| over the scored videos. */
    advantageAbsMean: measured,
    steps: z.array(step),
    /** max |ratio − 1| over all replays before the first update of the iteration. */
    firstReplayRatioDeviation: measured,
    loss: measured,
    beta: z.number(),
    learningRate: z.number(),
    /** Optimizer updates since the run began. */
    updates: count,
    updateNorm: measured,
    gradientNorm: measured,
    anchorRefreshes: count,
    skippedUpdates: count,
    seconds: z.object({
      rollout: seconds,
      decode: seconds,
      score: seconds,
      update: seconds,
      other: seconds,
      total: seconds,
    }),
    /** Bytes of resident memory. */
    peakMemory: measured,
  }),
  rollouts: eventOf('rollouts', { folder: z.string(), videos: z.array(videoSchema) }),
  evaluation_videos: eventOf('evaluation_videos', { folder: z.string(), videos: z.array(videoSchema) }),
  checkpoint: eventOf('checkpoint', { folder: z.string(), reward: measured, best: z.boolean() }),
  anchor: eventOf('anchor', { updates: count }),
  control: eventOf('control', { request: z.string(), by: z.string() }),
  warning: eventOf('warning', { code: errorCode, message: z.string(), remedy: z.string() }),
  run_finished: eventOf('run_finished', { status: z.string(), message: z.string().optional() }),
};

export const eventSchema = z.discriminatedUnion('kind', [
  kinds.run_started,
  kinds.run_resumed,
  kinds.evaluation,
  kinds.iteration,
  kinds.rollouts,
  kinds.evaluation_videos,
  kinds.checkpoint,
  kinds.anchor,
  kinds.control,
  kinds.warning,
  kinds.run_finished,
]);

export type RunEvent = z.infer<typeof eventSchema>;
export type EventKind = RunEvent['kind'];
export const eventKinds = Object.keys(kinds) as EventKind[];
export type EventOf<Kind extends EventKind> = Extract<RunEvent, { kind: Kind }>;
type WithoutStamp<Event> = Event extends RunEvent ? Omit<Event, 'seq' | 'time' | 'v'> : never;
/** An event as the trainer states it: the log adds seq, time and version. */
export type EventBody = WithoutStamp<RunEvent>;

/** What a light reading checks of videos, of which a log may hold many; all else is checked in full. */
const essentials: Partial<Record<EventKind, z.ZodType>> = {
  rollouts: z.object({ folder: z.string(), videos: z.array(z.unknown()) }),
  evaluation_videos: z.object({ folder: z.string(), videos: z.array(z.unknown()) }),
};

type Test = (value: unknown) => boolean;

const isCount: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject: Test = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const quickTests = new Map<unknown, Test>([
  [measured, (value) => value === null || Number.isFinite(value)],
  [count, isCount],
  [seconds, (value) => Number.isFinite(value) && (value as number) >= 0],
  [components, (value) => isObject(value) && Object.values(value as object).every(Number.isFinite)],
]);

/** A test that passes nothing which the schema refuses, many times faster because it copies and explains nothing. */
function quickTest(schema: z.ZodType): Test {
  const known = quickTests.get(schema);
  if (known) return known;
  if (schema instanceof z.ZodArray) {
    const test = quickTest(schema.element as z.ZodType);
    return (value) => Array.isArray(value) && value.every(test);
  }
  if (schema instanceof z.ZodOptional) {
    const test = quickTest(schema.unwrap() as z.ZodType);
    return (value) => value === undefined || test(value);
  }
  if (!(schema instanceof z.ZodObject)) return (value) => schema.safeParse(value).success;
  const fields = Object.entries(schema.shape).map(([key, inner]) => [key, quickTest(inner as z.ZodType)] as const);
  return (value) => isObject(value) && fields.every(([key, test]) => test((value as Record<string, unknown>)[key]));
}

/** Iterations fill a log. */
const isIteration = quickTest(kinds.iteration);

/** The kinds a reader has met, so that a light reading checks the first of each in full. */
export type KnownKinds = Set<EventKind>;

/** What of a file's words is repeated in a sentence. */
export const shortened = (text: string, most = 200) => (text.length > most ? `${text.slice(0, most)}…` : text);

/** The first thing that a schema found wrong, with where it is. */
export function firstIssue(error: z.ZodError): string {
  const { path, message } = error.issues[0];
  return path.length > 0 ? `${shortened(path.join('.'))}: ${message}` : message;
}

/**
 * Checks a parsed line.
 * @param known given for a light check: of events with videos, only the first of each kind is checked in full
 * @returns what is wrong with it, or null
 */
export function eventFault(value: unknown, known?: KnownKinds): string | null {
  const { kind, v, seq, iteration, time } = (value ?? {}) as Partial<RunEvent>;
  if (typeof v === 'number' && v > eventsVersion) return `it was written by a later version of sage-grpo (v ${v})`;
  if (kind === undefined || !Object.hasOwn(kinds, kind))
    return `its kind is ${shortened(JSON.stringify(kind) ?? 'missing')}`;
  const light = known?.has(kind) ? essentials[kind] : undefined;
  known?.add(kind);
  if (kind === 'iteration' && isIteration(value)) return null;
  if (light && (v !== eventsVersion || !isCount(seq) || !isCount(iteration) || typeof time !== 'string'))
    return 'it lacks seq, time, iteration or version';
  const checked = (light ?? kinds[kind]).safeParse(value);
  return checked.success ? null : firstIssue(checked.error);
}
