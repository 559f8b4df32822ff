import { z } from 'zod';
import { askWorker } from './ask.ts';

/** How a model's files are laid out. */
const weightsKind = z.enum(['pipeline', 'clip', 'pickscore', 'processor', 'base', 'videoalign']);
export type WeightsKind = z.infer<typeof weightsKind>;

/** What to look at: distributions, modules to import, folders or Hugging Face repositories. */
export interface Wanted {
  packages: readonly string[];
  imports: readonly string[];
  weights: readonly { name: string; kind: WeightsKind }[];
}

/** Files of one model as they are here. */
const weightsHere = z.object({
  name: z.string(),
  kind: weightsKind,
  /** A folder was named, not a repository. */
  is_path: z.boolean(),
  folder: z.string().nullable(),
  /** Files that lack; null: nothing is here. */
  missing: z.array(z.string()).nullable(),
  /** Size of what is here. */
  bytes: z.number(),
});
export type WeightsHere = z.infer<typeof weightsHere>;

const examination = z.object({
  python: z.string(),
  executable: z.string(),
  /** Version of each wanted distribution; null: not installed. */
  packages: z.record(z.string(), z.string().nullable()),
  /** Modules that are installed and cannot be imported, and why. */
  broken: z.record(z.string(), z.string()),
  torch: z
    .union([
      z.object({ error: z.string() }),
      z.object({
        version: z.string(),
        /** Of the build; null: for the CPU alone. */
        cuda: z.string().nullable(),
        available: z.boolean(),
        /** PyTorch's word on why there is no GPU. */
        reason: z.string().nullable(),
        nccl: z.string().nullable(),
        threads: z.number(),
      }),
    ])
    .nullable(),
  devices: z.array(
    z.object({
      name: z.string(),
      /** Bytes. */
      total: z.number(),
      free: z.number().nullable(),
      capability: z.string(),
      bf16: z.boolean(),
      error: z.string().nullable(),
    }),
  ),
  /** Hugging Face's folder of downloads; bytes free on its disk. */
  cache: z.object({ folder: z.string(), free: z.number() }),
  /** Each with what its files, where they are here, take from elsewhere. */
  weights: z.array(weightsHere.extend({ needs: z.array(weightsHere) })),
});

/** What a Python has of what training needs; `sage_worker/doctor.py` writes it. */
export type Examination = z.infer<typeof examination>;

/**
 * Asks a Python what it has. One that crashes, hangs or talks nonsense is one that cannot be used, and why is said.
 * @param patience milliseconds; a first import of PyTorch from a slow disk takes a minute
 */
export async function examine(
  python: string,
  wanted: Wanted,
  patience = 180_000,
): Promise<Examination | { failure: string }> {
  // It only looks: nothing is downloaded.
  const env = { HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error', PYTHONWARNINGS: 'ignore' };
  const question = { module: 'sage_worker.doctor', request: wanted, mark: 'sage-doctor ', patience, env };
  const asked = await askWorker(python, question);
  if ('failure' in asked) return asked;
  const read = examination.safeParse(asked.answer);
  if (!read.success) return { failure: `its answer lacks ${read.error.issues[0].path.join('.')}` };
  const [found, asking] = [read.data.weights.length, wanted.weights.length];
  return found === asking ? read.data : { failure: `its answer tells of ${found} weights instead of ${asking}` };
}
