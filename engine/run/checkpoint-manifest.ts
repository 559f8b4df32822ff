import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { SageError } from '../errors.ts';
import { errnoOf } from './disk.ts';
import { iterationName } from './folder.ts';
import { readStart } from './regular.ts';

const count = z.number().int().nonnegative();

export const stateSchema = z.looseObject({
  iteration: count,
  /** Optimizer updates since the run began. */
  updates: count,
  seed: z.number(),
  klController: z.record(z.string(), z.unknown()),
  /** State of the measured equalizer; null when the mode has none. */
  equalizer: z.record(z.string(), z.unknown()).nullable(),
  best: z.object({ iteration: count, reward: z.number() }).nullable(),
  /** seq of the last event that belongs to the checkpoint; a resume cuts the log after it. */
  eventSeq: count,
});

/** What a resume needs besides the policy's own files; further keys are kept. */
export type CheckpointState = z.infer<typeof stateSchema>;

const manifestSchema = z.strictObject({
  v: z.literal(1),
  iteration: count,
  /** Evaluation reward of the policy, where it was measured. */
  reward: z.number().nullable(),
  time: z.iso.datetime(),
  /** Relative paths with `/`. */
  files: z.array(
    z.strictObject({
      name: z.string().regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/),
      bytes: count,
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  /** sha256 of the JSON of all keys above. */
  checksum: z.string(),
});
export type CheckpointManifest = z.infer<typeof manifestSchema>;

export function checksumOf({ checksum: _, ...rest }: CheckpointManifest): string {
  return createHash('sha256').update(JSON.stringify(rest)).digest('hex');
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Why a checkpoint is not valid, naming the file. */
export class Fault extends Error {}

/** What is larger is none of ours: a manifest and a state have some kB. */
const maximumBytes = 4 << 20;

/** Reads and checks a JSON file of a checkpoint; throws Fault. */
export async function readJson<T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    text = await readStart(join(folder, name), maximumBytes + 1);
  } catch (error) {
    if (error instanceof SageError) throw new Fault(`${name} is not a file`);
    throw new Fault(`${name} ${errnoOf(error) === 'ENOENT' ? 'is missing' : `cannot be read (${errnoOf(error)})`}`);
  }
  if (Buffer.byteLength(text) > maximumBytes) throw new Fault(`${name} is larger than ${maximumBytes >> 20} MiB`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Fault(`${name} is not JSON`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0];
  throw new Fault(`${name} has a fault at ${path.join('.') || 'its top'} (${message})`);
}

/** Reads a checkpoint's manifest; throws Fault when it is damaged or another checkpoint's. */
export async function readManifest(folder: string): Promise<CheckpointManifest> {
  const manifest = await readJson(folder, 'manifest.json', manifestSchema);
  if (manifest.checksum !== checksumOf(manifest)) throw new Fault('manifest.json was altered (its checksum differs)');
  if (iterationName(manifest.iteration) !== basename(folder))
    throw new Fault(`manifest.json is of iteration ${manifest.iteration}`);
  return manifest;
}

/** Holds the files against the manifest: sizes, and with `deep` their sha256; throws Fault. */
export async function checkFiles(folder: string, manifest: CheckpointManifest, deep: boolean): Promise<void> {
  for (const { name, bytes, sha256 } of manifest.files) {
    const file = join(folder, name);
    const found = await lstat(file).catch(() => null);
    if (!found?.isFile()) throw new Fault(`${name} is missing`);
    if (found.size !== bytes) throw new Fault(`${name} has ${found.size} bytes instead of ${bytes}`);
    if (deep && (await sha256Of(file)) !== sha256) throw new Fault(`${name} was altered (its sha256 differs)`);
  }
  if (!manifest.files.some(({ name }) => name === 'state.json')) throw new Fault('state.json is not in the manifest');
}
