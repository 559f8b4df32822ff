import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, extname, isAbsolute, join, resolve } from 'node:path';
import { parse } from 'csv-parse/sync';
import { listPresets } from '../../../../../engine/config/presets.ts';
import { quote } from '../../../../../engine/config/text.ts';
import { textAt, type Around } from './around.ts';
import { Kind, scalar, type Offer } from './item.ts';
import type { ValueSpot } from './spot.ts';
import { quoted, typedText } from './typed.ts';

/** A folder with more files than this is no place for prompts. */
const most = 500;

/** Folders and files with these endings in the folder that is typed so far. */
export async function fileOffers(around: Around, spot: ValueSpot, endings: string[]): Promise<Offer[]> {
  const typed = typedText(around.spot, spot);
  const before = /^.*[\\/]/s.exec(typed)?.[0] ?? '';
  const folder = placeOf(around, before);
  if (folder === null) return [];
  const offers = (await entriesOf(folder, typed.slice(before.length).startsWith('.'))).flatMap(
    ({ name, isFolder }): Offer[] => {
      if (!isFolder && !endings.some((ending) => name.toLowerCase().endsWith(ending))) return [];
      const text = `${before}${name}${isFolder ? '/' : ''}`;
      const label = isFolder ? `${name}/` : name;
      const kind = isFolder ? Kind.Folder : Kind.File;
      return [
        { label, kind, ...quoted(text, spot, !isFolder), filter: `${spot.quote ?? ''}${text}`, leadsOn: isFolder },
      ];
    },
  );
  return [...offers.filter(({ kind }) => kind === Kind.File), ...offers.filter(({ kind }) => kind === Kind.Folder)];
}

/** Where a path leads; null for one that is elsewhere than on a disk of this machine. */
function placeOf({ folder }: Around, path: string): string | null {
  if (/^[\\/]{2}/.test(path) || path.includes('\0')) return null;
  if (isAbsolute(path)) return path;
  return folder === null ? null : resolve(folder, path);
}

async function entriesOf(folder: string, withHidden: boolean): Promise<{ name: string; isFolder: boolean }[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  const shown = entries
    .filter(({ name }) => (withHidden || !name.startsWith('.')) && name !== 'node_modules')
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const isFolder = async (entry: Dirent) =>
    entry.isSymbolicLink()
      ? await stat(join(folder, entry.name)).then(
          (found) => found.isDirectory(),
          () => false,
        )
      : entry.isDirectory();
  return Promise.all(
    shown.slice(0, most).map(async (entry) => ({ name: entry.name, isFolder: await isFolder(entry) })),
  );
}

/** Columns of a .csv, or text fields of a .jsonl, each with the first that it holds. */
export async function columnOffers(around: Around, spot: ValueSpot): Promise<Offer[]> {
  const file = textAt(around.spot, [...spot.path.slice(0, -1), 'file']);
  const place = file === null ? null : placeOf(around, file);
  const head = place === null ? '' : await headOf(place);
  const kind = extname(file ?? '').toLowerCase();
  const columns = kind === '.csv' ? csvColumns(head) : kind === '.jsonl' ? jsonFields(head) : [];
  return columns.map(([name, sample]) => {
    const text = scalar(name, spot.style, spot.quote);
    const detail = sample === '' ? undefined : quote(sample, 40);
    return { label: name, text, kind: Kind.Field, detail, filter: text, preselect: name === 'prompt' };
  });
}

/** The functions of Python files, and folders that may have some. */
export async function functionOffers(around: Around, spot: ValueSpot): Promise<Offer[]> {
  const offers = await fileOffers(around, spot, ['.py']);
  const typed = typedText(around.spot, spot);
  const before = /^.*[\\/]/s.exec(typed.replace(/:[^:]*$/, ''))?.[0] ?? '';
  const functions = offers
    .filter(({ kind }) => kind === Kind.File)
    .map(async ({ label }): Promise<Offer[]> => {
      const place = placeOf(around, `${before}${label}`);
      const head = place === null ? '' : await headOf(place);
      return [...head.matchAll(/^def ([A-Za-z]\w*)\(/gm)].map(([, name]) => {
        const text = scalar(`${before}${label}:${name}`, spot.style, spot.quote);
        return { label: `${label}:${name}`, text, kind: Kind.Function, filter: text };
      });
    });
  return [...(await Promise.all(functions)).flat(), ...offers.filter(({ kind }) => kind === Kind.Folder)];
}

/** The whole lines among the first of a file; nothing where it cannot be read. */
async function headOf(file: string): Promise<string> {
  try {
    if (!(await stat(file)).isFile()) return '';
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(1 << 16) });
      const text = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '');
      return bytesRead < buffer.length ? text : text.slice(0, text.lastIndexOf('\n') + 1);
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
}

function csvColumns(head: string): [string, string][] {
  try {
    const [names = [], first = []] = parse(head, { to: 2, relax_column_count: true, skip_empty_lines: true });
    return names.map((name, i) => [name, first[i] ?? '']);
  } catch {
    return [];
  }
}

function jsonFields(head: string): [string, string][] {
  const fields = new Map<string, string>();
  for (const line of head.split('\n').slice(0, 50)) {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === 'object' && value !== null)
        for (const [name, text] of Object.entries(value))
          if (typeof text === 'string' && !fields.has(name)) fields.set(name, text);
    } catch {
      // A line that is not JSON is what the diagnostics tell of.
    }
  }
  return [...fields];
}

/** What a config can build on: the presets by name, other configs by path. */
export async function baseOffers(around: Around, spot: ValueSpot): Promise<Offer[]> {
  const own = around.asked.config.file === null ? null : basename(around.asked.config.file);
  const files = await fileOffers(around, spot, ['.sage.yaml']);
  const presets = listPresets().map(({ name, description }): Offer => {
    const text = scalar(name, spot.style, spot.quote);
    return { label: name, text, kind: Kind.Reference, detail: 'preset', documentation: description, filter: text };
  });
  return [...presets, ...files.filter(({ label }) => label !== own)];
}
