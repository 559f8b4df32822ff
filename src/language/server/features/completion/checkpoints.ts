import { isAbsolute, join, relative, sep } from 'node:path';
import { readManifest } from '../../../../../engine/run/checkpoint-manifest.ts';
import { listCheckpoints, type CheckpointInfo } from '../../../../../engine/run/checkpoint.ts';
import { readRunSync, runFolderNames, type RunRecord } from '../../../../../engine/run/folder.ts';
import { glanceAt } from '../../../../../engine/run/glance.ts';
import { newestFirst } from '../../../../../engine/run/order.ts';
import type { Around } from './around.ts';
import { Kind, scalar, type Offer } from './item.ts';
import type { ValueSpot } from './spot.ts';

/** Of more runs than this, the newest are offered. */
const most = 40;

interface KnownRun {
  id: string;
  folder: string;
  created: string;
  record: RunRecord;
}

/** Checkpoints of the model's known runs, newest first, as places to start from; only those that are whole. */
export async function checkpointOffers(around: Around, spot: ValueSpot): Promise<Offer[]> {
  const { settings, token } = around.asked;
  if (settings.runsFolder === null) return [];
  const offers: Offer[] = [];
  for (const run of (await runsOf(settings.runsFolder, around.model)).slice(0, most)) {
    if (token.isCancellationRequested) return [];
    offers.push(...(await orNothing(() => offersOf(run, around, spot))));
  }
  return offers;
}

async function runsOf(runsFolder: string, model: string): Promise<KnownRun[]> {
  const names = await orNothing(() => runFolderNames(runsFolder));
  const runs = await Promise.all(
    names.map((id) =>
      orNothing(async () => {
        const folder = join(runsFolder, id);
        const record = readRunSync(folder);
        return [{ id, folder, created: record.created, record }];
      }),
    ),
  );
  const isSame = ({ record }: KnownRun) => (record.config.policy as { model?: unknown } | undefined)?.model === model;
  return runs.flat().filter(isSame).sort(newestFirst);
}

async function offersOf(run: KnownRun, around: Around, spot: ValueSpot): Promise<Offer[]> {
  const checkpoints = (await listCheckpoints(run.folder)).filter(({ valid }) => valid).reverse();
  if (checkpoints.length === 0) return [];
  const glance = await glanceAt(run.folder, run.id);
  const offers = checkpoints.map(async (checkpoint): Promise<Offer> => {
    const path = pathFrom(around.folder, await weightsOf(checkpoint));
    const text = scalar(path, spot.style, spot.quote);
    const rollouts = checkpoint.iteration === glance?.iterations ? glance.reward : null;
    const reward =
      checkpoint.reward !== null
        ? `evaluation reward ${checkpoint.reward.toFixed(3)}`
        : rollouts !== null
          ? `reward ${rollouts.toFixed(3)}`
          : 'reward not measured';
    return {
      ...{ label: `${run.id} · iteration ${checkpoint.iteration}`, text, kind: Kind.Reference, detail: reward },
      filter: text,
    };
  });
  return Promise.all(offers);
}

/** What of a checkpoint training starts from: its adapter, its weights, or else all of it. */
async function weightsOf({ folder }: CheckpointInfo): Promise<string> {
  const names = (await readManifest(folder)).files.map(({ name }) => name);
  const adapter = names.find((name) => name.endsWith('adapter_config.json') && !name.startsWith('anchor'));
  if (adapter !== undefined) return join(folder, adapter, '..');
  return names.includes('policy.safetensors') ? join(folder, 'policy.safetensors') : folder;
}

/** A path as it is written in a config; one that begins with a dot is no repository of a hub. */
function pathFrom(folder: string | null, file: string): string {
  if (folder === null) return file;
  const path = relative(folder, file);
  if (isAbsolute(path)) return path;
  const written = path.split(sep).join('/');
  return written.startsWith('.') ? written : `./${written}`;
}

/** What cannot be read is not offered. */
async function orNothing<T>(read: () => Promise<T[]>): Promise<T[]> {
  try {
    return await read();
  } catch {
    return [];
  }
}
