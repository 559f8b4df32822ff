import type { z } from 'zod';
import { closest, editDistance } from '../spelling.ts';
import { escapeControls, oneOf, quote, showValue } from './text.ts';
import { joinPath } from './tree.ts';
import { flatten, keyAt, promptFileKeys, rootKey, type KeyInfo } from './walk.ts';

/** Something wrong at a path, before it is known where in the text that path stands. */
export interface Finding {
  severity: 'error' | 'warning';
  code: string;
  message: string;
  remedy: string;
  path: string;
  /** Whether the key or its value is at fault. */
  on: 'key' | 'value';
  /** For a misspelt key: the path that was probably meant. */
  meant?: string;
  /** More than a slip of one letter lies between the two, so the value is not taken for the other key. */
  isGuess?: boolean;
}

type Path = (string | number)[];

/** The value at a path of plain data; undefined where there is none. */
export function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const part of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** What one complaint of the schema means to the person who wrote the config. */
export function explainIssue(issue: z.core.$ZodIssue, raw: unknown): Finding[] {
  const path = issue.path as Path;
  const value = valueAt(raw, path);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownKey(path, name));
  if (issue.code === 'invalid_union') return explainPrompts(issue, path, value, raw);
  const info = keyAt(path.join('.'));
  const [code, message, remedy] = info === null ? explainPlain(issue, path, value) : explainKnown(issue, info, value);
  return [
    { severity: 'error', code, message, remedy, path: joinPath(path), on: value === undefined ? 'key' : 'value' },
  ];
}

type Explanation = [code: string, message: string, remedy: string];

function explainKnown(issue: z.core.$ZodIssue, info: KeyInfo, value: unknown): Explanation {
  if (value === undefined)
    return ['config/missing-key', `${info.path} is missing.`, `Add \`${info.name}: …\`, ${expectation(info)}.`];
  if (issue.code === 'too_small' || issue.code === 'too_big') return outOfRange(issue, info, value);
  if (info.kind === 'choice') return wrongChoice(info, value);
  if (issue.code === 'invalid_format')
    return [
      'config/invalid-value',
      `${info.path} is ${showValue(value)}, but may only have letters, digits, ".", "_" and "-", and must begin with a letter or digit.`,
      `Write at most 64 such characters, such as \`${info.name}: ${nameFrom(String(value))}\`.`,
    ];
  return wrongType(info, value);
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

function wrongType(info: KeyInfo, value: unknown): Explanation {
  const code = 'config/wrong-type';
  const is =
    value === null ? 'is empty' : `is ${typeof value === 'string' ? `the text ${quote(value)}` : showValue(value)}`;
  const message = `${info.path} ${is}, but must be ${expectation(info)}.`;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  if (info.kind === 'block')
    return [
      code,
      message,
      `Write its keys on indented lines below it: ${info.children.map((c) => c.name).join(', ')}.`,
    ];
  if (info.kind === 'integer' && typeof value === 'number' && Number.isFinite(value))
    return [code, message, `Write ${Math.floor(value)} or ${Math.ceil(value)}.`];
  if ((info.kind === 'integer' || info.kind === 'number') && Number.isFinite(number))
    return [code, message, `Remove the quotes: \`${info.name}: ${Number(number)}\`.`];
  if (info.kind === 'boolean' && typeof value === 'string' && /^(yes|on|no|off|true|false)$/i.test(value))
    return [code, message, `Write \`${info.name}: ${/^(yes|on|true)$/i.test(value)}\`.`];
  if (info.kind === 'text' && value !== null && typeof value !== 'object')
    return [code, message, `Put it in quotes: \`${info.name}: "${String(value)}"\`.`];
  if (value === null)
    return [code, message, `Write ${expectation(info)}, or remove the line${defaultHint(info, ' to use ')}.`];
  return [code, message, `Write ${expectation(info)}${defaultHint(info, ', such as ')}.`];
}

function defaultHint(info: KeyInfo, before: string): string {
  const { default: value } = info;
  if (value === undefined || value === null || typeof value === 'object') return '';
  return before === ' to use ' ? `${before}the default, ${String(value)}` : `${before}${String(value)}`;
}

/** What a key wants, as a phrase: "a whole number between 1 and 1000". */
export function expectation(info: KeyInfo): string {
  const nouns: Record<KeyInfo['kind'], string> = {
    block: 'a block of keys',
    integer: `a whole number${rangeText(info)}`,
    number: `a number${rangeText(info)}`,
    boolean: 'true or false',
    choice: oneOf(info.choices),
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

function outOfRange(issue: z.core.$ZodIssue, info: KeyInfo, value: unknown): Explanation {
  if (Array.isArray(value))
    return [
      'config/no-prompts',
      `${info.path} is an empty list.`,
      'Write at least one prompt, or {file: prompts.txt}.',
    ];
  if (typeof value !== 'number')
    return ['config/invalid-value', `${info.path} is empty.`, `Write ${expectation(info)}.`];
  const because = info.meta.why === undefined ? '' : `: ${info.meta.why}`;
  const message = `${info.path} is ${showValue(value)}, but must be ${expectation(info)}${because}.`;
  const limit = issue.code === 'too_small' ? info.minimum : info.maximum;
  const suggestion = limit === null ? '' : limit.exclusive ? '' : ` ${limit.value} is the nearest valid value.`;
  const usual = defaultHint(info, ', such as ').replace(', such as ', '');
  const remedy = suggestion === '' ? `Write ${usual} (the default) or another value in the range.` : suggestion.trim();
  return ['config/out-of-range', message, remedy + (suggestion && usual ? ` The default is ${usual}.` : '')];
}

function wrongChoice(info: KeyInfo, value: unknown): Explanation {
  const message = `${info.path} is ${showValue(value)}, but must be ${oneOf(info.choices)}.`;
  const off = value === null || value === false || (typeof value === 'string' && /^(off|no|false|null)$/i.test(value));
  const meant =
    off && info.choices.includes('none') ? 'none' : typeof value === 'string' ? closest(value, info.choices) : null;
  const remedy = meant === null ? `Write one of ${info.choices.join(', ')}.` : `Did you mean \`${meant}\`?`;
  return ['config/invalid-choice', message, remedy];
}

function explainPlain(issue: z.core.$ZodIssue, path: Path, value: unknown): Explanation {
  const name = joinPath(path);
  const expected = 'expected' in issue ? String(issue.expected) : 'another value';
  const words: Record<string, string> = {
    string: 'text',
    int: 'a whole number',
    boolean: 'true or false',
    number: 'a number',
  };
  const wanted = words[expected] ?? expected;
  if (value === undefined)
    return ['config/missing-key', `${name} is missing.`, `Add \`${path.at(-1)}: …\`, ${wanted}.`];
  const quoted = expected === 'string' && value !== null && typeof value !== 'object';
  const remedy = quoted
    ? `Put it in quotes: "${String(value)}".`
    : `Write ${wanted}${value === null ? ', or remove it' : ''}.`;
  return ['config/wrong-type', `${name} is ${showValue(value)}, but must be ${wanted}.`, remedy];
}

/** A prompt source may be three things; the complaints that matter are those of the kind that was written. */
function explainPrompts(issue: z.core.$ZodIssueInvalidUnion, path: Path, value: unknown, raw: unknown): Finding[] {
  const name = joinPath(path);
  const isList = Array.isArray(value);
  if ((isList && value.length > 0) || (!isList && typeof value === 'object' && value !== null)) {
    const branch = issue.errors[isList ? 1 : 2] ?? [];
    return branch.flatMap((inner) => explainIssue({ ...inner, path: [...path, ...inner.path] }, raw));
  }
  const file = typeof value === 'string' && /\.(txt|csv|jsonl)$/i.test(value);
  const remedy = file
    ? `To read them from the file, write \`${name}: {file: ${escapeControls(value as string)}}\`.`
    : 'Write a list of prompts, {file: prompts.txt} or all.';
  const message = isList
    ? `${name} is an empty list.`
    : `${name} is ${showValue(value)}, but must be a list of prompts, {file: …} or all.`;
  return [
    {
      severity: 'error',
      code: isList ? 'config/no-prompts' : 'config/wrong-type',
      message,
      remedy,
      path: name,
      on: 'value',
    },
  ];
}

function unknownKey(parent: Path, name: string): Finding {
  const block = parent.join('.');
  const info = keyAt(block);
  const children = info?.children ?? [];
  const names = children.length > 0 ? children.map((child) => child.name) : [...promptFileKeys];
  const here = closest(name, names) ?? children.find((child) => isAlias(child, name))?.name ?? null;
  const where = block === '' ? 'a config' : block;
  const weights = block === 'reward.weights';
  const finding: Finding = {
    severity: 'error',
    code: weights ? 'config/unknown-component' : 'config/unknown-key',
    message: weights ? `The reward has no component ${quote(name)}.` : `There is no key ${quote(name)} in ${where}.`,
    remedy: `${weights ? 'Its components are' : 'Its keys are'} ${names.join(', ')}.`,
    path: joinPath([...parent, name]),
    on: 'key',
  };
  if (block === '' && keyAt(name) !== null) {
    const [outer, inner] = [name.slice(0, name.lastIndexOf('.')), name.slice(name.lastIndexOf('.') + 1)];
    return { ...finding, remedy: `Write it as a key of its block: \`${inner}: …\`, indented below \`${outer}:\`.` };
  }
  if (here !== null) {
    const isGuess =
      editDistance(name, here) > 1 && !children.some((child) => child.name === here && isAlias(child, name));
    return { ...finding, remedy: `Did you mean \`${here}\`?`, meant: joinPath([...parent, here]), isGuess };
  }
  const elsewhere = findElsewhere(name);
  return elsewhere === null ? finding : { ...finding, remedy: `Did you mean \`${elsewhere}\`? It belongs there.` };
}

function isAlias(info: KeyInfo, name: string): boolean {
  return (info.meta.aliases ?? []).some((alias) => editDistance(alias, name) === 0);
}

/** The key of another block that has this name, or that other trainers call so. */
function findElsewhere(name: string): string | null {
  const all = flatten(rootKey);
  const named = all.find((info) => editDistance(info.name, name) === 0) ?? all.find((info) => isAlias(info, name));
  if (named !== undefined) return named.path;
  const near = closest(
    name,
    all.map((info) => info.name),
  );
  return near === null ? null : (all.find((info) => info.name === near)?.path ?? null);
}
