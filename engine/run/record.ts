import { z } from 'zod';
import { count, settingChange } from './events.ts';

/** What one needs to know to repeat a run. */
export const provenanceSchema = z.object({
  /** Versions of the program, of Node and of the parts that do the arithmetic. */
  versions: z.record(z.string(), z.string()),
  /** Commit of the git work tree the run was launched from, null outside one. */
  commit: z.string().nullable(),
  /** Whether that work tree had uncommitted changes; null outside one. */
  modified: z.boolean().nullable(),
  host: z.string(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.number().int().nonnegative(),
  /** Bytes. */
  memory: z.number().nonnegative(),
  /** Devices the policy runs on, as it names them. */
  devices: z.array(z.string()),
  seed: z.number(),
});

export type Provenance = z.infer<typeof provenanceSchema>;

/** What the trainer says of its run; `crashed` is never written, see `currentStatus`. */
export const runStatuses = ['running', 'paused', 'stopped', 'finished', 'failed'] as const;
export type RunStatus = (typeof runStatuses)[number];
export type CurrentStatus = RunStatus | 'crashed';

/** A change of the config, when it was made, and the last iteration that was trained without it. */
export const recordedChange = settingChange.extend({ iteration: count, time: z.iso.datetime() });
export type RecordedChange = z.infer<typeof recordedChange>;

/** Content of run.json. */
export const runSchema = z.object({
  v: z.literal(1),
  id: z.string(),
  name: z.string(),
  /** ISO 8601. */
  created: z.iso.datetime(),
  status: z.enum(runStatuses),
  /** Why it stopped or failed. */
  message: z.string().nullable(),
  /** The resolved config as it holds now; its schema is engine/config's. */
  config: z.record(z.string(), z.unknown()),
  /** How it came to differ from what was launched; runs that were never given other values have none. */
  changes: z.array(recordedChange).optional(),
  provenance: provenanceSchema,
});

export type RunRecord = z.infer<typeof runSchema>;
