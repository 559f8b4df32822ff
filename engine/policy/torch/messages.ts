import { z } from 'zod';
import { errorCode } from '../../error-code.ts';

/** Version of the messages; a worker of another one is refused. */
export const protocolVersion = 1;

/** A number, which JSON cannot carry where it is not finite: then it comes by its name. */
const real = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);
const count = z.number().int().nonnegative();
const bytes = z.number().nonnegative();
const names = z.record(z.string(), z.string());
const reals = z.record(z.string(), real);
const nothing = z.object({});

/** What went wrong in the worker. */
export const faultSchema = z.object({
  code: errorCode,
  message: z.string(),
  remedy: z.string(),
  /** Something that the user can mend, memory that ran out, or a defect. */
  kind: z.enum(['user', 'memory', 'bug']),
  trace: z.string().optional(),
});
export type WorkerFault = z.infer<typeof faultSchema>;

export const helloSchema = z.object({
  protocol: z.number(),
  token: z.string(),
  pid: count,
  ranks: count.min(1),
  device: z.string(),
  /** Bytes of the device's own memory; null on the CPU. */
  memory: bytes.nullable(),
  versions: names,
});
export type Hello = z.infer<typeof helloSchema>;

/** Of a worker of whatever version. */
const anyHello = z.looseObject({ protocol: z.number(), token: z.string() });

/** Bytes in use and the most so far. */
const memory = { memory: bytes, peak: bytes };

/** Every line that a worker may send. */
export const incomingSchema = z.union([
  z.object({ hello: anyHello }),
  /** The worker cannot even begin. */
  z.object({ failed: faultSchema, token: z.string() }),
  z.object({ heartbeat: z.object(memory) }),
  z.object({ seq: count, progress: z.object({ stage: z.string(), done: count, of: count }) }),
  z.object({ seq: count, ok: z.unknown(), memory: bytes.optional(), peak: bytes.optional() }).refine((m) => 'ok' in m),
  z.object({ seq: count, error: faultSchema }),
]);
export type Incoming = z.infer<typeof incomingSchema>;

/** A reward as the worker scores it. */
const rewardDescription = z.object({ components: z.array(z.string()), heldOut: z.array(z.string()), versions: names });

const description = z.object({
  model: z.string(),
  backend: z.literal('torch'),
  device: z.string(),
  parameters: count,
  threads: count,
  latentShape: z.array(count),
  video: z.object({ frames: count, height: count, width: count, framesPerSecond: z.number().positive() }),
  versions: names,
  reward: rewardDescription.nullable(),
});

const rollout = z.object({
  logProbs: z.array(z.array(real)),
  seconds: z.object({ sample: z.number(), decode: z.number() }),
});

const replay = z.object({
  loss: real,
  policyLoss: real,
  ratio: real,
  ratioDeviation: real,
  clipFraction: real,
  approxKl: real,
  klAnchor: real,
  klStep: real,
  gradientNorm: real.nullable(),
  gradientNormRaw: real.nullable(),
  driftReference: real.nullable(),
  driftAnchor: real.nullable(),
});

const score = z.discriminatedUnion('scored', [
  z.object({
    sample: count,
    scored: z.literal(true),
    components: reals,
    raw: reals.optional(),
    heldOut: reals.optional(),
    notes: z.array(z.string()).optional(),
  }),
  z.object({ sample: count, scored: z.literal(false), reason: z.string() }),
]);

/** What each op gives back. */
export const results = {
  init: description,
  encodePrompts: nothing,
  rollout,
  /** Safetensors files that hold `samples` `[n]` and their `pixels` `[n, F, H, W, 3]`, float32. */
  fetch: z.object({ files: z.array(z.string()) }),
  score: z.object({ scores: z.array(score) }),
  write: nothing,
  drain: z.object({ faults: z.array(faultSchema.extend({ file: z.string() })) }),
  forwardBackward: z.object({ replays: z.array(replay) }),
  optimStep: z.object({ gradientNorm: real, updateNorm: real, skipped: z.boolean() }),
  setAnchor: nothing,
  release: nothing,
  saveState: z.object({ files: z.array(z.string()) }),
  loadState: nothing,
  close: nothing,
};
export type Op = keyof typeof results;
export type ResultOf<Name extends Op> = z.output<(typeof results)[Name]>;

/** What an op is called in a sentence: "while it …". */
export const doing: Record<Op, string> = {
  init: 'loaded the model',
  encodePrompts: 'encoded prompts',
  rollout: 'sampled videos',
  fetch: 'handed over videos',
  score: 'scored videos',
  write: 'took videos to write',
  drain: 'wrote videos',
  forwardBackward: 'computed a gradient',
  optimStep: 'updated the weights',
  setAnchor: 'refreshed the anchor',
  release: 'forgot a rollout',
  saveState: 'saved its state',
  loadState: 'loaded its state',
  close: 'ended',
};

/** First fault of a line that is no message, in words. */
export function lineFault(error: unknown): string {
  if (!(error instanceof z.ZodError)) return 'it is not JSON';
  const { path, message } = error.issues[0];
  return path.length > 0 ? `${path.join('.')}: ${message}` : message;
}
