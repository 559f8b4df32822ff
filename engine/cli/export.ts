import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { errorCode } from '../error-code.ts';
import { exitCodes, SageError } from '../errors.ts';
import { askWorker } from '../python/ask.ts';
import { findPython, namedInVain } from '../python.ts';
import { curvesSvg, type CurvePanel } from '../report/curves-svg.ts';
import { modelCard, type ExportKind } from '../report/model-card.ts';
import { listCheckpoints, validateCheckpoint } from '../run/checkpoint.ts';
import type { CheckpointManifest } from '../run/checkpoint-manifest.ts';
import { diskError, syncFolder, temporaryName } from '../run/disk.ts';
import { readEvents } from '../run/event-log.ts';
import type { RunEvent } from '../run/events.ts';
import { iterationName, readRun, runPaths, type RunRecord } from '../run/folder.ts';
import { readPrompts } from '../training/prompts.ts';

export interface ExportOptions {
  /** Iteration of the checkpoint; the newest without it. */
  checkpoint?: number;
  out?: string;
  merged: boolean;
  /** Where the base's weights are now, if not where the run had them. */
  weights?: string;
}

const adapterFile = 'adapter/pytorch_lora_weights.safetensors';
const answerSchema = z.union([
  z.object({ base: z.string() }),
  z.object({ error: z.object({ code: errorCode, message: z.string(), remedy: z.string() }) }),
]);

/**
 * Writes a checkpoint as a folder for others to load, with a model card; the folder appears whole or not at all.
 * @throws SageError for a checkpoint that is missing or damaged, a folder that exists, or a base that is not here
 */
export async function exportCommand(runFolder: string, options: ExportOptions): Promise<number> {
  const record = await readRun(runFolder);
  const { folder, manifest } = await chosen(runFolder, options.checkpoint);
  const kind = kindOf(manifest, folder, options.merged);
  const suffix = options.merged ? '-merged' : '';
  const out = path.resolve(options.out ?? `${record.id}-${iterationName(manifest.iteration)}${suffix}`);
  if (existsSync(out)) {
    throw new SageError('export/exists', `${out} is there already, and is not replaced.`, 'Name another with --out.', {
      place: { file: out },
      exitCode: exitCodes.usage,
    });
  }
  const temporary = temporaryName(out);
  const giveUp = () => void rm(temporary, { recursive: true, force: true }).finally(() => process.exit(130));
  process.once('SIGINT', giveUp);
  try {
    await mkdir(temporary, { recursive: true });
    await writeWeights(kind, folder, temporary, record, options.weights);
    await writeStory(kind, path.basename(out), temporary, runFolder, record, manifest);
    await syncFolder(temporary);
    await rename(temporary, out);
    await syncFolder(path.dirname(out));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw diskError(error, out, 'write the export');
  } finally {
    process.off('SIGINT', giveUp);
  }
  const what = { adapter: 'adapter', model: 'whole model', shapes: 'weights' }[kind];
  process.stdout.write(`wrote the ${what} of iteration ${manifest.iteration} to ${out}\n`);
  return exitCodes.done;
}

/** The checkpoint that is asked for, every file of it checked. */
async function chosen(
  runFolder: string,
  iteration: number | undefined,
): Promise<{ folder: string; manifest: CheckpointManifest }> {
  const all = await listCheckpoints(runFolder);
  const wanted = iteration ?? all.findLast(({ valid }) => valid)?.iteration;
  const found = all.find((checkpoint) => checkpoint.iteration === wanted);
  if (!found) {
    const there = all.length === 0 ? 'it has none' : `it has ${all.map((one) => one.iteration).join(', ')}`;
    throw new SageError(
      'checkpoint/missing',
      `The run ${path.basename(runFolder)} has no checkpoint${iteration === undefined ? '' : ` of iteration ${iteration}`}; ${there}.`,
      'Look which there are.',
      { place: { file: runFolder }, advice: [{ action: 'inspect', run: runFolder }], exitCode: exitCodes.usage },
    );
  }
  const { valid, reason, manifest } = await validateCheckpoint(found.folder);
  if (valid && manifest) return { folder: found.folder, manifest };
  const message = `The checkpoint ${found.folder} is damaged: ${reason}.`;
  throw new SageError('checkpoint/broken', message, 'Export another one (`--checkpoint ITERATION`).', {
    place: { file: found.folder },
  });
}

function kindOf({ files }: CheckpointManifest, folder: string, merged: boolean): ExportKind {
  const has = (start: string) => files.some(({ name }) => name === start || name.startsWith(`${start}/`));
  if (has('policy.safetensors')) return 'shapes';
  if (has(adapterFile)) return merged ? 'model' : 'adapter';
  if (has('policy')) return 'model';
  throw new SageError('checkpoint/broken', `${folder} holds no weights.`, 'Export another checkpoint.', {
    place: { file: folder },
  });
}

async function writeWeights(
  kind: ExportKind,
  checkpoint: string,
  out: string,
  record: RunRecord,
  weights: string | undefined,
): Promise<void> {
  if (kind === 'shapes')
    return copyFile(path.join(checkpoint, 'policy.safetensors'), path.join(out, 'policy.safetensors'));
  if (kind === 'adapter')
    return copyFile(path.join(checkpoint, adapterFile), path.join(out, path.basename(adapterFile)));
  const policy = record.config.policy as { model: string; weights: string | null };
  const found = await findPython(['torch', 'safetensors', 'huggingface-hub']);
  if (found.python === null) {
    const vain = namedInVain(found.tried);
    const message = `A whole model is written by PyTorch, and ${vain?.fault ?? 'no Python with it was found'}.`;
    throw new SageError('python/missing', message, vain?.remedy ?? 'Install it, or export the adapter alone.', {
      advice: vain ? [] : [{ action: 'setup-torch' }],
    });
  }
  const named = weights ?? policy.weights;
  const request = {
    model: policy.model,
    // A folder is given as it is from here; a repository has no path.
    weights: named !== null && existsSync(named) ? path.resolve(named) : named,
    checkpoint: path.resolve(checkpoint),
    out,
  };
  const heard = (line: string) => void process.stderr.write(`${line}\n`);
  const question = { module: 'sage_worker.export', request, mark: 'sage-export ', patience: null, heard };
  const asked = await askWorker(found.python, question);
  const read = answerSchema.safeParse('answer' in asked ? asked.answer : null);
  if (!read.success) {
    const failure = 'failure' in asked ? asked.failure : 'its answer could not be read';
    const remedy = 'Have the doctor look at it; a process that was killed may have run out of memory.';
    throw new SageError('export/failed', `Python could not write the model: ${failure}.`, remedy, {
      advice: [{ action: 'doctor' }],
    });
  }
  if ('error' in read.data) {
    const { code, message, remedy } = read.data.error;
    throw new SageError(code, message, remedy);
  }
}

/** What tells of the weights: the card, the curves, the config. */
async function writeStory(
  kind: ExportKind,
  folder: string,
  out: string,
  runFolder: string,
  record: RunRecord,
  { iteration, reward }: CheckpointManifest,
): Promise<void> {
  const paths = runPaths(runFolder);
  const configText = await readFile(paths.config, 'utf8');
  const events = (await readEvents(paths.events)).filter((event) => event.iteration <= iteration);
  const evaluations = events.filter((event) => event.kind === 'evaluation');
  const prompts = (await readPrompts(runFolder)).training.length;
  const card = modelCard({ kind, folder, record, configText, iteration, reward, evaluations, prompts });
  await writeFile(path.join(out, 'README.md'), card);
  await writeFile(path.join(out, 'curves.svg'), curvesSvg(panelsOf(events)));
  await writeFile(path.join(out, 'config.sage.yaml'), configText);
}

/** Reward in training and evaluation, then each held-out metric on its own scale. */
function panelsOf(events: readonly RunEvent[]): CurvePanel[] {
  const iterations = events.filter((event) => event.kind === 'iteration');
  const evaluations = events.filter((event) => event.kind === 'evaluation');
  const heldOut = evaluations.map((event) => (event as { heldOut?: Record<string, number> }).heldOut ?? {});
  const metrics = [...new Set(heldOut.flatMap((values) => Object.keys(values)))];
  const training = iterations.map((event) => [event.iteration, event.reward.mean] as const);
  const evaluated = evaluations.map((event) => [event.iteration, event.reward] as const);
  return [
    {
      title: 'Reward',
      lines: [
        { name: 'rollouts in training', points: training, dots: false },
        { name: 'evaluation', points: evaluated, dots: true },
      ],
    },
    ...metrics.map((name) => ({
      title: `${name} (held out)`,
      lines: [
        {
          name: 'evaluation',
          points: evaluations.flatMap(({ iteration }, i) =>
            heldOut[i][name] === undefined ? [] : [[iteration, heldOut[i][name]] as const],
          ),
          dots: true,
        },
      ],
    })),
  ];
}
