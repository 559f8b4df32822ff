import { extname, resolve } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { SageError, exitCodes } from '../errors.ts';
import { allPrompts } from '../shapes/grammar.ts';
import type { Config, PromptSource } from './schema.ts';
import { closest } from '../spelling.ts';
import { quote } from './text.ts';
import { readTextFile, type FileProblem } from './text-file.ts';

/** A prompt and where it was read: its index in a list, its line in a file. */
export interface PromptEntry {
  text: string;
  /** 0-based index in the list, or 1-based line of the file. */
  at: number;
}

/** A problem of a prompt file as a whole, and the key of the source it belongs to. */
export interface PromptProblem extends FileProblem {
  key: 'file' | 'column';
  /** Columns to choose from, where the one that is named is missing; the likely one first. */
  columns?: string[];
}

const maximumBytes = 64 * 2 ** 20;

/**
 * Prompts of a source, in its order and exactly as written (a line of a .txt is trimmed). Relative files start from
 * `baseFolder`. Never throws.
 */
export function readPrompts(source: PromptSource, baseFolder: string): { entries: PromptEntry[] } | PromptProblem {
  if (source === 'all') return { entries: allPrompts().map((text, at) => ({ text, at })) };
  if (Array.isArray(source)) return { entries: source.map((text, at) => ({ text, at })) };
  const file = resolve(baseFolder, source.file);
  const kind = extname(file).toLowerCase();
  const reader = readers[kind];
  if (reader === undefined)
    return {
      key: 'file',
      code: 'config/prompt-file-kind',
      message: `${quote(source.file)} is not a kind of prompt file that can be read.`,
      remedy: 'Give a .txt (one prompt a line), a .csv or a .jsonl.',
    };
  const read = readTextFile(file, maximumBytes);
  if ('code' in read) return { key: 'file', ...read };
  const result = reader(read.text.replace(/^\uFEFF/, ''), source.column, quote(source.file));
  if ('entries' in result && result.entries.length === 0)
    return {
      key: 'file',
      code: 'config/no-prompts',
      message: `${quote(source.file)} has no prompts.`,
      remedy:
        kind === '.txt'
          ? 'Write one prompt a line; lines that begin with # are skipped.'
          : 'Write at least one prompt.',
    };
  return result;
}

type Reader = (text: string, column: string, name: string) => { entries: PromptEntry[] } | PromptProblem;

const readers: Record<string, Reader> = { '.txt': readLines, '.csv': readCsv, '.jsonl': readJsonLines };

function readLines(text: string): { entries: PromptEntry[] } {
  const entries = text.split(/\r\n|\n|\r/).map((line, i) => ({ text: line.trim(), at: i + 1 }));
  return { entries: entries.filter((entry) => entry.text !== '' && !entry.text.startsWith('#')) };
}

/** RFC 4180: fields may be quoted, quoted fields may hold commas, quotes and line breaks. The first row names columns. */
function readCsv(text: string, column: string, name: string): { entries: PromptEntry[] } | PromptProblem {
  let rows: { record: string[]; info: { lines: number } }[];
  try {
    rows = parse(text, { info: true, skip_empty_lines: true, max_record_size: maximumBytes }) as unknown as typeof rows;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error.lines === 'number' ? ` line ${error.lines}` : '';
    const ragged = error.code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH';
    return {
      key: 'file',
      code: 'config/bad-csv',
      message: `${name}${line} is not valid CSV: ${ragged ? 'it has another number of fields than the first line' : 'its quotes do not match'}.`,
      remedy: 'Put a prompt that has commas, quotes or line breaks in quotes, and double the quotes inside it.',
    };
  }
  const header = rows[0]?.record ?? [];
  const at = header.indexOf(column);
  if (rows.length > 0 && at < 0) return missingColumn(column, header, name);
  return { entries: rows.slice(1).map(({ record, info }) => ({ text: record[at], at: info.lines })) };
}

function missingColumn(column: string, header: string[], name: string): PromptProblem {
  const near = closest(column, header);
  const names = header.slice(0, 12).map((word) => quote(word, 30));
  const remedy = near === null ? `Name one of its columns: ${names.join(', ')}.` : `Did you mean \`column: ${near}\`?`;
  const columns = [...(near === null ? [] : [near]), ...header.slice(0, 12).filter((word) => word !== near)];
  const message = `${name} has no column ${quote(column)}.`;
  return { key: 'column', code: 'config/missing-column', message, remedy, columns, ...(near === null ? {} : { near }) };
}

/** One JSON value a line: a string, or an object with the prompt in the field that `column` names. */
function readJsonLines(text: string, column: string, name: string): { entries: PromptEntry[] } | PromptProblem {
  const entries: PromptEntry[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const prompt = jsonPrompt(line, column);
    if (prompt === null)
      return {
        key: 'file',
        code: 'config/bad-jsonl',
        message: `${name} line ${i + 1} has no prompt: ${quote(line, 40)}.`,
        remedy: `Write {${JSON.stringify(column)}: "…"} or a quoted string on each line.`,
      };
    entries.push({ text: prompt, at: i + 1 });
  }
  return { entries };
}

function jsonPrompt(line: string, column: string): string | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'string') return value;
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, column)) return null;
    const prompt = (value as Record<string, unknown>)[column];
    return typeof prompt === 'string' ? prompt : null;
  } catch {
    return null;
  }
}

/** The training prompts, in the order of their source. Throws `SageError` when a file cannot be read. */
export function loadPrompts(config: Config, baseFolder: string): string[] {
  return load(config.prompts, baseFolder, 'prompts');
}

/** The evaluation prompts: their own source, else the training prompts. `evaluation.max_videos` is not applied. */
export function loadEvaluationPrompts(config: Config, baseFolder: string): string[] {
  return config.evaluation.prompts === null
    ? loadPrompts(config, baseFolder)
    : load(config.evaluation.prompts, baseFolder, 'evaluation.prompts');
}

function load(source: PromptSource, baseFolder: string, key: string): string[] {
  const read = readPrompts(source, baseFolder);
  if ('entries' in read) return read.entries.map((entry) => entry.text);
  throw new SageError(read.code, read.message, read.remedy, {
    place: { key: `${key}.${read.key}` },
    exitCode: exitCodes.usage,
  });
}
