import { allPrompts, formatPrompt, parsePrompt } from '../shapes/grammar.ts';
import { readPrompts, type PromptEntry } from './prompts.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { PromptSource } from './schema.ts';
import { closest } from '../spelling.ts';
import { quote } from './text.ts';

type Key = 'prompts' | 'evaluation.prompts';

/** Complaints about single prompts of one source; beyond these they are counted. */
const shownPrompts = 5;

function checkSource(key: Key, source: PromptSource, context: RuleContext): void {
  const { config, baseFolder, checkFiles, error } = context;
  const { model } = config.policy;
  if (source === 'all' && model !== 'shapes')
    return error(
      'no-prompts',
      key,
      context.given(key)
        ? `\`all\` is the prompts of shapes; ${model} has no such list.`
        : `${model} has no prompts of its own.`,
      `Write \`${key.split('.').at(-1)}: {file: prompts.txt}\`, or a list of prompts.`,
    );
  const isFile = typeof source === 'object' && !Array.isArray(source);
  if (isFile && !checkFiles) return;
  const read = readPrompts(source, baseFolder);
  if (!('entries' in read)) {
    const at = context.given(`${key}.${read.key}`) ? `${key}.${read.key}` : `${key}.file`;
    return error(read.code.replace('config/', ''), at, read.message, read.remedy);
  }
  const place = (entry: PromptEntry) => (isFile ? `${key}.file` : `${key}.${entry.at}`);
  const name = (entry: PromptEntry) => (isFile ? `${quote(source.file)} line ${entry.at}: ` : '');
  checkEach(read.entries, context, place, name);
  checkDuplicates(read.entries, context, place, name);
  if (key === 'prompts') checkCount(read.entries.length, context);
}

type Describe = (entry: PromptEntry) => string;

function checkEach(entries: PromptEntry[], { config, error }: RuleContext, place: Describe, name: Describe): void {
  const isShapes = config.policy.model === 'shapes';
  const bad = entries.filter((entry) => entry.text.trim() === '' || (isShapes && parsePrompt(entry.text) === null));
  for (const entry of bad.slice(0, shownPrompts)) {
    if (entry.text.trim() === '')
      error(
        'empty-prompt',
        place(entry),
        `${name(entry)}the prompt is empty.`.replace(/^t/, 'T'),
        'Write a prompt, or remove it.',
      );
    else
      error(
        'shapes-prompt',
        place(entry),
        `${name(entry)}the Shapes model does not know the prompt ${quote(entry.text)}.`.replace(/^t/, 'T'),
        shapesRemedy(entry.text),
      );
  }
  const rest = bad.length - shownPrompts;
  if (rest > 0)
    error(
      'shapes-prompt',
      place(bad[shownPrompts]),
      `${rest} more prompt${rest === 1 ? '' : 's'} cannot be used.`,
      'Correct them in the same way, or write `prompts: all`.',
    );
}

function shapesRemedy(text: string): string {
  const near = closest(text.trim(), allPrompts());
  const pattern =
    'Write "a COLOR SHAPE moving DIRECTION": red, green, blue, yellow, magenta, cyan; circle, square, triangle; left, right, up, down.';
  return near === null ? pattern : `Did you mean "${near}"?`;
}

function checkDuplicates(entries: PromptEntry[], { config, warn }: RuleContext, place: Describe, name: Describe): void {
  const seen = new Set<string>();
  const repeated = entries.filter(({ text }) => {
    const words = config.policy.model === 'shapes' ? parsePrompt(text) : null;
    const same = words === null ? text : formatPrompt(words);
    return seen.size === seen.add(same).size;
  });
  if (repeated.length === 0) return;
  const [first] = repeated;
  const more = repeated.length > 1 ? ` (and ${repeated.length - 1} more like it)` : '';
  warn(
    'duplicate-prompt',
    place(first),
    `${name(first)}the prompt ${quote(first.text)} is given twice${more}; it is drawn as often.`.replace(/^t/, 'T'),
    'Remove the copies, unless it should count for more.',
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
