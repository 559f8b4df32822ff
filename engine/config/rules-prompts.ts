import { readdirSync } from 'node:fs';
import { allPrompts, formatPrompt, parsePrompt } from '../shapes/grammar.ts';
import type { Fix } from './diagnostics.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import { readPreset } from './presets.ts';
import type { PromptEntry, PromptProblem } from './prompts.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { PromptSource } from './schema.ts';
import { closest } from '../spelling.ts';
import { quote } from './text.ts';
import { beside } from './text-file.ts';
import { readTree } from './tree.ts';

type Key = 'prompts' | 'evaluation.prompts';

/** Complaints about single prompts of one source; beyond these they are counted. */
const shownPrompts = 5;

function checkSource(key: Key, source: PromptSource, context: RuleContext): void {
  const { config, checkFiles, error } = context;
  if (source === 'all' && config.policy.model !== 'shapes') return reportNone(key, context);
  const isFile = typeof source === 'object' && !Array.isArray(source);
  if (isFile && !checkFiles) return;
  const read = context.readPrompts(source);
  if (!('entries' in read)) {
    const at = context.given(`${key}.${read.key}`) ? `${key}.${read.key}` : `${key}.file`;
    const fixes = isFile ? fileFixes(key, source.file, read) : [];
    return error(read.code.replace('config/', ''), at, read.message, read.remedy, fixes);
  }
  const place = (entry: PromptEntry) => (isFile ? `${key}.file` : `${key}.${entry.at}`);
  const name = (entry: PromptEntry) => (isFile ? `${quote(source.file)} line ${entry.at}: ` : '');
  const list: PromptList = { key, entries: read.entries, isFile, place, name };
  checkEach(list, context);
  checkDuplicates(list, context);
  checkColumn(key, source, context);
  if (key === 'prompts') checkCount(read.entries.length, context);
}

function reportNone(key: Key, context: RuleContext): void {
  const { model } = context.config.policy;
  const name = key.split('.').at(-1);
  const [file, ...others] = [...promptFiles(context), 'prompts.txt'];
  const isThere = others.length > 0;
  const fromFile = setKey(key, { file });
  context.error(
    'no-prompts',
    key,
    context.given(key)
      ? `\`all\` is the prompts of shapes; ${model} has no such list.`
      : `${model} has no prompts of its own.`,
    `Write \`${name}: {file: ${file}}\`, or a list of prompts.`,
    [
      isThere ? likely(fromFile) : fromFile,
      likely({
        ...setKey(key, samplePrompts()),
        title: `Write the ${samplePrompts().length} prompts of a preset, to begin with`,
      }),
    ],
  );
}

/** Files beside the config whose names say that they hold prompts. */
function promptFiles({ baseFolder, checkFiles }: RuleContext): string[] {
  if (!checkFiles) return [];
  try {
    return readdirSync(baseFolder)
      .filter((name) => /prompts?\b.*\.(txt|csv|jsonl)$/i.test(name))
      .slice(0, 1);
  } catch {
    return [];
  }
}

/** Prompts for a model that makes real video. */
function samplePrompts(): string[] {
  return (readTree(readPreset('hunyuan-video-1.5')).value as { prompts: string[] }).prompts;
}

function fileFixes(key: Key, file: string, { near, columns = [], ...problem }: PromptProblem): Fix[] {
  if (problem.key === 'file') return near === undefined ? [] : [likely(setKey(`${key}.file`, beside(file, near)))];
  return columns.map((name) => {
    const fix = setKey(`${key}.column`, name);
    return name === near ? likely(fix) : fix;
  });
}

/** Only a .csv and a .jsonl have columns. */
function checkColumn(key: Key, source: PromptSource, { written, warn }: RuleContext): void {
  const path = `${key}.column`;
  if (typeof source !== 'object' || Array.isArray(source) || !/\.txt$/i.test(source.file) || !written(path)) return;
  const message = `${path} has no effect, because ${quote(source.file)} has one prompt a line.`;
  warn('no-effect', path, message, 'Remove the line, or give a .csv or .jsonl.', [likely(removeKey(path))]);
}

interface PromptList {
  key: Key;
  entries: PromptEntry[];
  isFile: boolean;
  /** Path of an entry. */
  place(entry: PromptEntry): string;
  /** Words that lead to an entry of a file. */
  name(entry: PromptEntry): string;
}

function checkEach({ key, entries, isFile, place, name }: PromptList, { config, error }: RuleContext): void {
  const isShapes = config.policy.model === 'shapes';
  const bad = entries.filter((entry) => entry.text.trim() === '' || (isShapes && parsePrompt(entry.text) === null));
  for (const entry of bad.slice(0, shownPrompts)) {
    if (entry.text.trim() === '')
      error(
        'empty-prompt',
        place(entry),
        `${name(entry)}the prompt is empty.`.replace(/^t/, 'T'),
        'Write a prompt, or remove it.',
        isFile ? [] : [likely(removeKey(entries.length === 1 ? key : place(entry)))],
      );
    else
      error(
        'shapes-prompt',
        place(entry),
        `${name(entry)}the Shapes model does not know the prompt ${quote(entry.text)}.`.replace(/^t/, 'T'),
        ...shapesRemedy(entry.text, isFile ? null : place(entry)),
      );
  }
  const rest = bad.length - shownPrompts;
  if (rest > 0)
    error(
      'shapes-prompt',
      place(bad[shownPrompts]),
      `${rest} more prompt${rest === 1 ? '' : 's'} cannot be used.`,
      isShapes ? 'Correct them in the same way, or write `prompts: all`.' : 'Correct them in the same way.',
      isShapes ? [setKey(key, 'all')] : [],
    );
}

function shapesRemedy(text: string, path: string | null): [remedy: string, fixes: Fix[]] {
  const near = closest(text.trim(), allPrompts());
  const pattern =
    'Write "a COLOR SHAPE moving DIRECTION": red, green, blue, yellow, magenta, cyan; circle, square, triangle; left, right, up, down.';
  if (near === null) return [pattern, []];
  return [`Did you mean "${near}"?`, path === null ? [] : [likely(setKey(path, near))]];
}

function checkDuplicates({ key, entries, isFile, place, name }: PromptList, { config, warn }: RuleContext): void {
  const seen = new Set<string>();
  const repeated = entries.filter(({ text }) => {
    const words = config.policy.model === 'shapes' ? parsePrompt(text) : null;
    const same = words === null ? text : formatPrompt(words);
    return seen.size === seen.add(same).size;
  });
  if (repeated.length === 0) return;
  const [first] = repeated;
  const more = repeated.length > 1 ? ` (and ${repeated.length - 1} more like it)` : '';
  // From the end, so that each index still holds when its turn comes.
  const edits = repeated.toReversed().map((entry) => ({ kind: 'remove' as const, path: place(entry) }));
  const title = repeated.length === 1 ? `Remove ${place(first)}` : `Remove the ${repeated.length} copies from ${key}`;
  warn(
    'duplicate-prompt',
    place(first),
    `${name(first)}the prompt ${quote(first.text)} is given twice${more}; it is drawn as often.`.replace(/^t/, 'T'),
    'Remove the copies, unless it should count for more.',
    isFile ? [] : [{ title, edits }],
  );
}

function checkCount(count: number, { config, error, firstGiven }: RuleContext): void {
  const wanted = config.rollout.prompts_per_iteration;
  if (count >= wanted) return;
  error(
    'too-few-prompts',
    firstGiven('rollout.prompts_per_iteration', 'prompts'),
    `An iteration draws ${wanted} different prompts, but there ${count === 1 ? 'is only 1' : `are only ${count}`}.`,
    `Add prompts, or write \`prompts_per_iteration: ${count}\`.`,
    [likely(setKey('rollout.prompts_per_iteration', count))],
  );
}

export const promptRules: Rule[] = [
  {
    needs: ['policy.model', 'prompts', 'rollout.prompts_per_iteration'],
    check: (context) => checkSource('prompts', context.config.prompts, context),
  },
  {
    needs: ['policy.model', 'evaluation.prompts'],
    check: (context) => {
      const { prompts } = context.config.evaluation;
      if (prompts !== null) checkSource('evaluation.prompts', prompts, context);
    },
  },
];
