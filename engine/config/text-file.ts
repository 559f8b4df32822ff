import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import type { ErrorCode } from '../error-code.ts';
import { closest } from '../spelling.ts';
import { quote } from './text.ts';

/** Why a file's text cannot be had. */
export interface FileProblem {
  code: ErrorCode;
  message: string;
  remedy: string;
  /** A file of the same folder whose name resembles the one that is missing. */
  near?: string;
}

/** Text of a UTF-8 file without its byte order mark, or why there is none. Never throws. */
export function readTextFile(file: string, maximumBytes: number): { text: string } | FileProblem {
  const name = quote(file, 200);
  let bytes: Buffer;
  try {
    const stats = statSync(file);
    if (!stats.isFile())
      return { code: 'config/not-a-file', message: `${name} is not a file.`, remedy: 'Give the path of a text file.' };
    if (stats.size > maximumBytes)
      return {
        code: 'config/too-large',
        message: `${name} is larger than ${Math.round(maximumBytes / 2 ** 20)} MiB.`,
        remedy: 'Split it, or check that it is the file you meant.',
      };
    bytes = readFileSync(file);
  } catch (error) {
    return unreadable(file, error as NodeJS.ErrnoException);
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return { code: 'config/not-utf8', message: `${name} is UTF-16 text.`, remedy: 'Save it as UTF-8.' };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return {
      code: 'config/not-text',
      message: `${name} is not UTF-8 text.`,
      remedy: 'Save it as UTF-8, or give another file.',
    };
  }
}

function unreadable(file: string, error: NodeJS.ErrnoException): FileProblem {
  const name = quote(file, 200);
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    const near = neighbour(file);
    const message = `There is no file ${name}.`;
    if (near === null) return { code: 'config/missing-file', message, remedy: 'Check the path.' };
    return { code: 'config/missing-file', message, remedy: `Did you mean ${quote(near, 200)}?`, near };
  }
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return {
      code: 'config/unreadable-file',
      message: `${name} may not be read.`,
      remedy: 'Give yourself permission to read it.',
    };
  return {
    code: 'config/unreadable-file',
    message: `${name} cannot be read: ${error.message}.`,
    remedy: 'Check the path.',
  };
}

/** A file of the same folder whose name resembles the one that is missing. */
export function neighbour(file: string): string | null {
  try {
    return closestName(basename(file), readdirSync(dirname(file)).slice(0, 2000));
  } catch {
    return null;
  }
}

/** A name of the same kind is nearer than one that only looks alike. */
function closestName(name: string, names: string[]): string | null {
  const kind = extname(name).toLowerCase();
  const alike = names.filter((other) => extname(other).toLowerCase() === kind);
  return closest(name, alike) ?? closest(name, names);
}

/** A path as it is written, with another name in its last place. */
export function beside(written: string, name: string): string {
  return written.slice(0, written.length - basename(written).length) + name;
}
