import type { z } from 'zod';
import type { ErrorCode } from '../error-code.ts';
import { closest } from '../spelling.ts';
import { joinPath, valueAt } from './data.ts';
import type { Fix } from './diagnostics.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import type { ModelName } from './key.ts';
import { escapeControls, oneOf, quote, showValue } from './text.ts';
import { unknownKey } from './unknown-keys.ts';
import { defaultFor, keyAt, keyOrOwnWeight, type KeyInfo } from './walk.ts';

export { valueAt } from './data.ts';

/** Something wrong at a path, before it is known where in the text that path stands. */
export interface Finding {
  severity: 'error' | 'warning';
  code: ErrorCode;
  message: string;
  remedy: string;
  /** What the remedy says. Several may be marked as preferred, the most likely first; see `likely`. */
  fixes?: Fix[];
  path: string;
  /** Whether the key or its value is at fault. */
  on: 'key' | 'value';
  /** For a misspelt key: the path that was probably meant. */
  meant?: string;
  /** More than a slip of one letter lies between the two, so the value is not taken for the other key. */
  isGuess?: boolean;
}

export type Path = (string | number)[];

/** What the complaints of a schema are about. */
export interface Subject {
  /** With the defaults of the model, and without what was refused before. */
  raw: unknown;
  /** The values of the file alone, without those of a base. */
  own: unknown;
  model: ModelName;
}

/** What one complaint of the schema means to the person who wrote the config. */
export function explainIssue(issue: z.core.$ZodIssue, subject: Subject): Finding[] {
  const path = issue.path as Path;
  const value = valueAt(subject.raw, path);
  if (issue.code === 'unrecognized_keys')
    return first(issue.keys, (name) => [unknownKey(path, name, subject)], 'unknown keys');
  const info = keyOrOwnWeight(path.join('.'));
  if (info?.kind === 'prompts') return explainPrompts(issue, path, value, subject);
  if (info?.kind === 'choices' && Array.isArray(value)) return explainChoices(info, path, value);
  const [code, message, remedy, fixes = []] =
    info === null ? explainPlain(issue, path, value, subject) : explainKnown(issue, info, value, subject);
  const on = value === undefined ? 'key' : 'value';
  return [{ severity: 'error', code, message, remedy, fixes, path: joinPath(path), on }];
}

/** Mistakes of one kind in one block that are told one by one; a file with more of them is another kind of file. */
const shownEach = 50;

function first<T>(issues: readonly T[], explain: (issue: T) => Finding[], what: string): Finding[] {
  const told = issues.slice(0, shownEach).flatMap(explain);
  const rest = issues.length - shownEach;
  if (rest <= 0) return told;
  const [next] = explain(issues[shownEach]);
  const message = `There ${rest === 1 ? 'is 1 more' : `are ${rest.toLocaleString('en-US')} more`} like it: ${what}.`;
  return [...told, { ...next, message, remedy: 'Correct them in the same way.', fixes: [], meant: undefined }];
}

type Explanation = [code: ErrorCode, message: string, remedy: string, fixes?: Fix[]];

function explainKnown(issue: z.core.$ZodIssue, info: KeyInfo, value: unknown, subject: Subject): Explanation {
  if (value === undefined) return missingKey(info, subject);
  if (issue.code === 'too_small' || issue.code === 'too_big') return outOfRange(issue, info, value, subject.model);
  if (info.kind === 'choice' || (info.kind === 'choices' && typeof value === 'string')) return wrongChoice(info, value);
  if (issue.code === 'invalid_format' && info.path === 'reward.python') return wrongFunction(info, String(value));
  if (issue.code === 'invalid_format') {
    const name = nameFrom(String(value));
    return [
      'config/invalid-value',
      `${info.path} is ${showValue(value)}, but may only have letters, digits, ".", "_" and "-", and must begin with a letter or digit.`,
      `Write at most 64 such characters, such as \`${info.name}: ${name}\`.`,
      [likely(setKey(info.path, name))],
    ];
  }
  return wrongType(info, value, subject);
}

function wrongFunction(info: KeyInfo, value: string): Explanation {
  const file = /^[^:\n]+\.py$/.test(value) ? value : null;
  return [
    'config/invalid-value',
    `${info.path} is ${showValue(value)}, but must name a Python file and a function in it.`,
    `Write \`${info.name}: "${file === null ? 'my_rewards.py' : escapeControls(file)}:score"\`, with the names of yours.`,
    file === null ? [] : [setKey(info.path, `${file}:score`)],
  ];
}

/** Each word of a list that is none of the allowed ones. */
function explainChoices(info: KeyInfo, path: Path, words: unknown[]): Finding[] {
  if (words.length === 0) {
    const message = `${info.path} is an empty list.`;
    const remedy = `Write ${expectation(info)}, or remove the line.`;
    const fixes = [likely(removeKey(info.path))];
    return [{ severity: 'error', code: 'config/invalid-value', message, remedy, fixes, path: info.path, on: 'value' }];
  }
  const wrong = [...words.entries()].filter(([, word]) => !info.choices.includes(word as string));
  const explain = ([i, word]: [number, unknown]): Finding[] => {
    const name = joinPath([...path, i]);
    const [code, , remedy, fixes = []] = wrongChoice({ ...info, path: name }, word);
    const message = `${name} is ${showValue(word)}, but must be ${oneOf(info.choices)}.`;
    return [{ severity: 'error', code, message, remedy, fixes, path: name, on: 'value' }];
  };
  return first(wrong, explain, 'words that there are not');
}

/** A legal run name that resembles the text. */
export function nameFrom(text: string): string {
  const name = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-zA-Z0-9._-]+/g, '-')
    .replace(/^[^a-zA-Z0-9]+|-+$/g, '');
  return name.slice(0, 64) || 'run';
}

/** The keys that must be given are the ends of the window. */
function missingKey(info: KeyInfo, subject: Subject): Explanation {
  const value = usual(info, subject);
  const block = info.path.slice(0, info.path.lastIndexOf('.'));
  return [
    'config/missing-key',
    `${info.path} is missing.`,
    `Add \`${info.name}: ${String(value ?? '…')}\`, ${expectation(info)}, or remove ${block}.`,
    [...(value === undefined ? [] : [likely(setKey(info.path, value))]), removeKey(block)],
  ];
}

/** The default of a key; for an end of the window, the step that makes it cover the schedule. */
function usual(info: KeyInfo, { raw, model }: Subject): unknown {
  if (!info.required || info.default !== undefined) return defaultFor(info, model);
  const written = valueAt(raw, ['sampling', 'steps']);
  const steps = typeof written === 'number' ? written : (defaultFor(keyAt('sampling.steps')!, model) as number);
  return info.name === 'last' && Number.isInteger(steps) && steps > 1 ? steps - 2 : 0;
}

function wrongType(info: KeyInfo, value: unknown, subject: Subject): Explanation {
  const is =
    value === null ? 'is empty' : `is ${typeof value === 'string' ? `the text ${quote(value)}` : showValue(value)}`;
  const [remedy, fixes] = rightType(info, value, subject);
  return ['config/wrong-type', `${info.path} ${is}, but must be ${expectation(info)}.`, remedy, fixes];
}

function rightType(info: KeyInfo, value: unknown, subject: Subject): [remedy: string, fixes: Fix[]] {
  const set = (to: unknown) => likely(setKey(info.path, to));
  if (info.kind === 'block') {
    const keys = info.children.map((c) => c.name).join(', ');
    return [
      `Write its keys on indented lines below it: ${keys}. Or remove it to use their defaults.`,
      [removeKey(info.path)],
    ];
  }
  const whole = wholeNumbers(info, value);
  if (whole.length > 0) return [`Write ${whole.join(' or ')}.`, whole.map(set)];
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  if (info.kind === 'number' ? Number.isFinite(number) : info.kind === 'integer' && Number.isSafeInteger(number))
    return [`Remove the quotes: \`${info.name}: ${number}\`.`, [set(number)]];
  if (info.kind === 'boolean' && typeof value === 'string' && isSwitch(value))
    return [`Write \`${info.name}: ${isOn(value)}\`.`, [set(isOn(value))]];
  if (info.kind === 'text' && value !== null && typeof value !== 'object')
    return [`Put it in quotes: \`${info.name}: "${String(value)}"\`.`, [set(String(value))]];
  return defaultInstead(info, value, subject);
}

function defaultInstead(info: KeyInfo, value: unknown, subject: Subject): [remedy: string, fixes: Fix[]] {
  const wanted = expectation(info);
  const hint = defaultHint(info, subject.model);
  if (value !== null || info.required) {
    const value = usual(info, subject);
    const such = info.required ? String(value) : hint;
    const fix = such === '' ? removeKey(info.path) : setKey(info.path, value, info.required ? '' : '(the default)');
    return [`Write ${wanted}${such === '' ? ', or remove the line' : `, such as ${such}`}.`, [likely(fix)]];
  }
  const used = info.meta.defaultText?.replaceAll('`', '') ?? hint;
  return [
    `Write ${wanted}, or remove the line${used === '' ? '' : ` to use the default, ${used}`}.`,
    [likely(removeKey(info.path))],
  ];
}

/** The whole numbers of the range beside a fraction. */
function wholeNumbers(info: KeyInfo, value: unknown): number[] {
  if (info.kind !== 'integer') return [];
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isInteger(number) || !Number.isFinite(number)) return [];
  const near = [Math.floor(number), Math.ceil(number)];
  return near.filter((n) => n >= (info.minimum?.value ?? -Infinity) && n <= (info.maximum?.value ?? Infinity));
}

const isSwitch = (text: string) => /^(yes|on|no|off|true|false)$/i.test(text);
const isOn = (text: string) => /^(yes|on|true)$/i.test(text);

/** The default as a remedy says it; empty where there is none that a line could say. */
function defaultHint(info: KeyInfo, model: ModelName): string {
  const value = defaultFor(info, model);
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

/** What a key wants, as a phrase: "a whole number between 1 and 1000". */
export function expectation(info: KeyInfo): string {
  const nouns: Record<KeyInfo['kind'], string> = {
    block: 'a block of keys',
    integer: `a whole number${rangeText(info)}`,
    number: `a number${rangeText(info)}`,
    boolean: 'true or false',
    choice: oneOf(info.choices),
    choices: `${oneOf(info.choices)}, or a list of them`,
    text: 'text',
    prompts: 'a list of prompts, {file: …} or all',
  };
  return nouns[info.kind] + (info.nullable ? ' (or null)' : '');
}

function rangeText({ minimum, maximum }: KeyInfo): string {
  const low = minimum === null ? '' : minimum.exclusive ? ` above ${minimum.value}` : ` of at least ${minimum.value}`;
  const high = maximum === null ? '' : maximum.exclusive ? `below ${maximum.value}` : `at most ${maximum.value}`;
  if (minimum && maximum && !minimum.exclusive && !maximum.exclusive)
    return ` between ${minimum.value} and ${maximum.value}`;
  return [low, high].filter(Boolean).join(' and ');
}

function outOfRange(issue: z.core.$ZodIssue, info: KeyInfo, value: unknown, model: ModelName): Explanation {
  if (typeof value !== 'number')
    return [
      'config/invalid-value',
      `${info.path} is empty.`,
      `Write ${expectation(info)}, or remove the line.`,
      [likely(removeKey(info.path))],
    ];
  const because = info.meta.why === undefined ? '' : `: ${info.meta.why}`;
  const message = `${info.path} is ${showValue(value)}, but must be ${expectation(info)}${because}.`;
  const limit = issue.code === 'too_small' ? info.minimum : info.maximum;
  const usual = defaultHint(info, model);
  const set = usual === '' ? [] : [likely(setKey(info.path, defaultFor(info, model), '(the default)'))];
  if (limit === null || limit.exclusive)
    return ['config/out-of-range', message, `Write ${usual} (the default) or another value in the range.`, set];
  const same = String(limit.value) === usual;
  const nearest = likely(setKey(info.path, limit.value, '(the nearest valid value)'));
  const remedy = `${limit.value} is the nearest valid value.${usual === '' ? '' : ` The default is ${usual}.`}`;
  return ['config/out-of-range', message, remedy, [nearest, ...(same ? [] : set)]];
}

function wrongChoice(info: KeyInfo, value: unknown): Explanation {
  const message = `${info.path} is ${showValue(value)}, but must be ${expectation({ ...info, nullable: false })}.`;
  const off = value === null || value === false || (typeof value === 'string' && /^(off|no|false|null)$/i.test(value));
  const meant =
    off && info.choices.includes('none') ? 'none' : typeof value === 'string' ? closest(value, info.choices) : null;
  const remedy = meant === null ? `Write one of ${info.choices.join(', ')}.` : `Did you mean \`${meant}\`?`;
  const others = info.choices.filter((choice) => choice !== meant).map((choice) => setKey(info.path, choice));
  const first = meant === null ? [] : [likely(setKey(info.path, meant))];
  return ['config/invalid-choice', message, remedy, [...first, ...others]];
}

/** Complaints about what is in a prompt source: the items of a list, the keys of `{file: …}`. */
function explainPlain(issue: z.core.$ZodIssue, path: Path, value: unknown, { own }: Subject): Explanation {
  const name = joinPath(path);
  const expected = 'expected' in issue ? String(issue.expected) : 'another value';
  const wanted = { string: 'text', boolean: 'true or false' }[expected] ?? expected;
  if (value === undefined)
    return [
      'config/missing-key',
      `${name} is missing.`,
      `Add \`${path.at(-1)}: ${path.at(-1) === 'file' ? 'prompts.txt' : '…'}\`, ${wanted}.`,
      path.at(-1) === 'file' ? [likely(setKey(name, 'prompts.txt'))] : [],
    ];
  if (issue.code === 'too_small')
    return ['config/invalid-value', `${name} is empty.`, 'Write text, or remove the line.', emptyText(path, own)];
  const text = expected === 'string' ? asText(value) : null;
  const message = `${name} is ${showValue(value)}, but must be ${wanted}.`;
  if (text !== null)
    return [
      'config/wrong-type',
      message,
      `Put it in quotes: "${escapeControls(text)}".`,
      [likely(setKey(name, text, '(in quotes)'))],
    ];
  if (expected === 'boolean' && typeof value === 'string' && isSwitch(value))
    return [
      'config/wrong-type',
      message,
      `Write \`${path.at(-1)}: ${isOn(value)}\`.`,
      [likely(setKey(name, isOn(value)))],
    ];
  return ['config/wrong-type', message, `Write ${wanted}, or remove it.`, [removeOf(path, own)]];
}

/** `file` alone says where prompts come from, so without it the whole source goes. */
function removeOf(path: Path, own: unknown): Fix {
  const source = path.slice(0, -1);
  const list = valueAt(own, source);
  const last = Array.isArray(list) && list.length === 1;
  return removeKey(joinPath(path.at(-1) === 'file' || last ? source : path));
}

function emptyText(path: Path, own: unknown): Fix[] {
  return [removeOf(path, own)];
}

/** Text that YAML read as something else: a number, a date, or "A cat: running" as a block. */
function asText(value: unknown): string | null {
  if (value === null || value === undefined || Array.isArray(value)) return null;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value);
  const [name, rest] = entries[0] ?? [];
  return entries.length === 1 && name !== '' && typeof rest === 'string' ? `${name}: ${rest}` : null;
}

/** A prompt source may be three things; the complaints that matter are those of the kind that was written. */
function explainPrompts(issue: z.core.$ZodIssue, path: Path, value: unknown, subject: Subject): Finding[] {
  const name = joinPath(path);
  const isList = Array.isArray(value);
  if ((isList && value.length > 0) || (!isList && typeof value === 'object' && value !== null)) {
    const branch = ('errors' in issue ? issue.errors[isList ? 1 : 2] : undefined) ?? [];
    const explain = (inner: z.core.$ZodIssue) => explainIssue({ ...inner, path: [...path, ...inner.path] }, subject);
    return first(branch, explain, 'prompts that are no text');
  }
  const [remedy, fixes] = promptsInstead(name, value, subject);
  const message = isList
    ? `${name} is an empty list.`
    : `${name} is ${showValue(value)}, but must be a list of prompts, {file: …} or all.`;
  const code = isList ? 'config/no-prompts' : 'config/wrong-type';
  return [{ severity: 'error', code, message, remedy, fixes, path: name, on: 'value' }];
}

function promptsInstead(name: string, value: unknown, { model }: Subject): [remedy: string, fixes: Fix[]] {
  const all = model === 'shapes' ? [setKey(name, 'all')] : [];
  const usual = `Write a list of prompts, {file: prompts.txt} or all.`;
  if (typeof value !== 'string') return [usual, [...all, setKey(name, { file: 'prompts.txt' })]];
  if (/\.(txt|csv|jsonl)$/i.test(value))
    return [
      `To read them from the file, write \`${name}: {file: ${escapeControls(value)}}\`.`,
      [likely(setKey(name, { file: value }))],
    ];
  if (closest(value, ['all']) !== null && model === 'shapes') return ['Did you mean `all`?', all.map(likely)];
  return [usual, [...(value.trim() === '' ? [] : [setKey(name, [value])]), ...all]];
}
