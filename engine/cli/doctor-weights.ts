import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Examination, WeightsHere } from '../python/examination.ts';
import { cacheFolder } from '../python.ts';
import type { Finding } from './doctor.ts';
import type { NeededWeights } from './weights.ts';

/** VideoAlign's prompt, as the worker fetches it (rewards/videoalign/prompt.py). */
export const promptAddress =
  'https://raw.githubusercontent.com/KwaiVGI/VideoAlign/219ab9db64c045e5181a2202d11f686439351292/prompt_template.py';

export const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);

/** What the doctor knows while it goes through the weights. */
interface Round {
  python: string;
  cache: Examination['cache'];
  /** Bytes of the cache's disk that the downloads so far will take. */
  taken: number;
}

/**
 * Whether the files of the models are here, or can come: one after another into the room that those before leave.
 * @param wanted in the order in which the worker was asked about them
 * @param folder of the config
 */
export function weightsFindings(
  wanted: readonly NeededWeights[],
  { weights, cache }: Examination,
  python: string,
  folder: string,
): Finding[] {
  const round: Round = { python, cache, taken: 0 };
  return wanted.flatMap((one, i): Finding[] => {
    const main = weights[wanted.findIndex((other) => other.for === one.for && !other.beside)];
    if (!one.beside) {
      const finding = weightsFinding(one, weights[i], round);
      return one.for === 'videoalign' ? [finding, promptFinding([main.folder, folder])] : [finding];
    }
    // Files that are here say themselves what they need.
    if (main.folder === null) return [weightsFinding(one, weights[i], round)];
    return main.needs.map((need) => {
      const gigabytes = need.name === one.name ? one.gigabytes : null;
      return weightsFinding({ ...one, name: need.name, gigabytes }, need, round);
    });
  });
}

function weightsFinding(wanted: NeededWeights, seen: WeightsHere, round: Round): Finding {
  const check = `weights: ${wanted.title}`;
  if (seen.missing?.length === 0) return { check, state: 'ok', detail: seen.folder ?? wanted.name };
  if (seen.is_path) {
    const detail = seen.missing === null ? `${wanted.name} is not here` : `${wanted.name} lacks ${some(seen.missing)}`;
    const remedy = wanted.beside
      ? `Its name stands in model_config.json of the folder in ${wanted.key}: write another there, or put the files into that folder.`
      : `Name another folder or a repository in ${wanted.key}.`;
    return { check, state: 'problem', detail, remedy };
  }
  const { cache } = round;
  const state = seen.missing === null ? 'not downloaded yet' : `not whole, without ${some(seen.missing)}`;
  const before = round.taken === 0 ? '' : `, ${gib(Math.max(0, cache.free - round.taken))} when those above have come`;
  const detail = `${wanted.name} is ${state}; ${cache.folder} has ${gib(cache.free)} GiB free${before}`;
  const command = `\`${download(wanted, round.python)}\``;
  const size = wanted.gigabytes === null ? '' : `about ${wanted.gigabytes} GB`;
  const lacking = wanted.gigabytes === null ? 0 : Math.max(0, wanted.gigabytes * 1e9 - seen.bytes);
  round.taken += lacking;
  if (lacking > 0 && cache.free < round.taken) {
    const remedy = `It needs ${size}: free some space, or name a folder on another disk in HF_HOME; then run ${command}.`;
    return { check, state: 'problem', detail, remedy };
  }
  const sized = size === '' ? '' : ` (${size})`;
  const remedy = offline()
    ? `HF_HUB_OFFLINE forbids downloads: run ${command} without it${sized}, or name a folder in ${wanted.key}.`
    : `Training downloads it at its start${sized}. To do it now, run ${command}.`;
  return { check, state: offline() ? 'problem' : 'note', detail, remedy };
}

/** The command that fetches what is needed of a repository, by the program beside the Python that will look for it. */
function download({ name, unneeded = [] }: NeededWeights, python: string): string {
  const beside = path.join(path.dirname(python), process.platform === 'win32' ? 'hf.exe' : 'hf');
  const hf = path.isAbsolute(python) && existsSync(beside) ? beside : 'hf';
  return [`${hf} download ${name}`, ...unneeded.map((pattern) => `--exclude '${pattern}'`)].join(' ');
}

/** The question that VideoAlign was trained to answer is no part of its repository. */
function promptFinding(folders: readonly (string | null)[]): Finding {
  const check = "weights: VideoAlign's prompt";
  const name = 'prompt_template.py';
  const places = [...folders, path.join(cacheFolder(), 'videoalign')].flatMap((folder) => folder ?? []);
  const found = places.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
  if (found !== undefined) return { check, state: 'ok', detail: found };
  const detail = `there is no ${name} in ${places.join(' or ')}`;
  const command = `\`curl -fL --create-dirs -o '${path.join(places.at(-1)!, name)}' ${promptAddress}\``;
  const remedy = offline()
    ? `HF_HUB_OFFLINE forbids downloads: fetch it where there is a network, ${command}.`
    : `Training downloads it at its start. To do it now, run ${command}.`;
  return { check, state: offline() ? 'problem' : 'note', detail, remedy };
}

function offline(): boolean {
  return /^(1|ON|YES|TRUE)$/i.test(process.env.HF_HUB_OFFLINE ?? '');
}

function some(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
