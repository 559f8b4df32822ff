/** Texts that an editor may hold: configs in the middle of being typed, broken ones, and attacks. Seeded. */
import { listPresets, readPreset } from '../../engine/config/presets.ts';
import { flatten, rootKey } from '../../engine/config/walk.ts';
import { uniforms } from '../bench/statistics.ts';

const presets = listPresets().map(({ name }) => readPreset(name));
const words = [
  ...flatten(rootKey).flatMap(({ name, choices }) => [name, ...choices]),
  ...[
    'extends',
    'null',
    'true',
    '.nan',
    '.inf',
    '1e999',
    '-1',
    '0x1F',
    '1_000',
    '__proto__',
    'constructor',
    'toString',
  ],
  ...[
    'a red circle moving left',
    '../../../etc/passwd',
    'https://example.com/schema.json',
    '🦊',
    'é\u0301',
    '\ud83d',
    '\u2028',
  ],
];
const marks = [
  ...[
    '\t',
    '\0',
    '\x1b[31m',
    '\r\n',
    '\r',
    '\ufeff',
    '*a',
    '&a ',
    '<<: *a',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    ': ',
    ':',
  ],
  ...[
    '---\n',
    '...\n',
    '!!binary ',
    '!include ',
    '|',
    '>',
    '|+2\n',
    '? ',
    '# ',
    ',',
    '%YAML 1.2\n',
    '@',
    '`',
    '  ',
    '\n\n',
  ],
];

/** A text and what was done to make it. */
export interface FuzzedText {
  text: string;
  kind: 'mutated' | 'typed' | 'woven' | 'hostile';
}

export type Random = () => number;

const below = (random: Random, n: number) => Math.floor(random() * n);
const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)];

const mutations: ((text: string, random: Random) => string)[] = [
  (text, random) => put(text, random, pick(random, marks)),
  (text, random) => put(text, random, pick(random, words)),
  (text, random) => put(text, random, String.fromCodePoint(below(random, 0x250))),
  (text, random) => {
    const at = below(random, text.length);
    return text.slice(0, at) + text.slice(at + 1 + below(random, 40));
  },
  (text, random) => onLines(text, (lines) => lines.splice(below(random, lines.length), 1)),
  (text, random) => onLines(text, (lines) => lines.splice(below(random, lines.length), 0, pick(random, lines))),
  (text, random) =>
    onLines(text, (lines) => {
      const at = below(random, lines.length);
      lines[at] = ' '.repeat(below(random, 9)) + lines[at].trimStart();
    }),
  (text) => text.replaceAll('\n', '\r\n'),
  (text, random) => text.slice(0, below(random, text.length)),
];

function put(text: string, random: Random, what: string): string {
  const at = below(random, text.length + 1);
  return text.slice(0, at) + what + text.slice(at);
}

function onLines(text: string, change: (lines: string[]) => void): string {
  const lines = text.split('\n');
  change(lines);
  return lines.join('\n');
}

function mutated(random: Random): string {
  let text = pick(random, presets);
  for (let n = 1 + below(random, 6); n > 0; n--) text = pick(random, mutations)(text, random);
  return text;
}

/** A preset as far as somebody has typed it, with a key or a value half done. */
function typed(random: Random): string {
  const lines = pick(random, presets).split('\n');
  const kept = lines.slice(0, below(random, lines.length));
  const word = pick(random, words);
  return [
    ...kept,
    ' '.repeat(2 * below(random, 4)) + word.slice(0, below(random, word.length + 1)) + pick(random, ['', ':', ': ']),
  ].join('\n');
}

/** Words and marks in any order. */
function woven(random: Random): string {
  let text = '';
  for (let n = below(random, 60); n > 0; n--)
    text += pick(random, random() < 0.5 ? words : marks) + pick(random, ['', '', ' ', '\n', ': ', '\n  ']);
  return text;
}

/** Texts that are made to be slow, deep, large or read as something else. */
export const hostile: Record<string, () => string> = {
  'an alias bomb': () => bomb(10, 10),
  'a small alias bomb': () => bomb(5, 7),
  'an alias bomb of blocks': () =>
    Array.from(
      { length: 20 },
      (_, i) => `a${i}: &a${i}\n${i === 0 ? '  x: 1' : `  l: *a${i - 1}\n  r: *a${i - 1}`}`,
    ).join('\n'),
  'a merge of itself': () => 'policy: &a\n  <<: *a\n  model: shapes\n',
  'lists 10,000 deep': () => '['.repeat(10_000),
  'blocks 3,000 deep': () => Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
  'braces 5,000 deep': () => '{a: '.repeat(5000),
  '5 MB of one line': () => `name: ${'x'.repeat(5_000_000)}\n`,
  '5 MB of lines': () => 'name: run\n'.repeat(500_000),
  '5 MB of prompts': () => `prompts:\n${'  - a red circle moving left\n'.repeat(170_000)}`,
  '1 MB of prompts': () => `prompts:\n${'  - a red circle moving left\n'.repeat(34_000)}`,
  '1 MB of keys': () => Array.from({ length: 60_000 }, (_, i) => `key${i}: ${i}`).join('\n'),
  '100,000 brackets': () => '[]{}'.repeat(25_000),
  '100,000 anchors': () => Array.from({ length: 20_000 }, (_, i) => `a${i}: &x${i} 1`).join('\n'),
  '100,000 quotes': () => '"'.repeat(100_000),
  '100,000 colons': () => ': '.repeat(50_000),
  '100,000 dashes': () => '- '.repeat(50_000),
  '100,000 tabs': () => '\t'.repeat(100_000),
  '100,000 question marks': () => '? '.repeat(50_000),
  '20,000 documents': () => '---\na: 1\n'.repeat(20_000),
  'spaces before a comment': () => `${' '.repeat(100_000)}# x`,
  NUL: () => `policy:\n  model: sha\0pes\n`,
  'only NUL': () => '\0'.repeat(1000),
  'a schema of elsewhere': () => '# yaml-language-server: $schema=https://example.com/evil.json\npolicy:\n  mo\n',
  'a schema of this disk': () =>
    '# yaml-language-server: $schema=file:///etc/passwd\n$schema: /etc/hosts\npolicy: {}\n',
  tags: () => 'policy: !!js/function "x"\nname: !include /etc/passwd\nseed: !!float 1\nprompts: !!set {a, b}\n',
  'names of prototypes': () =>
    '__proto__: {model: shapes}\nconstructor: {prototype: 1}\npolicy: {__proto__: null, hasOwnProperty: 1}\n',
  'lone surrogates': () => `name: "\ud83d"\nprompts: ["\udc00 \ud83d"]\n`,
  'old line breaks': () => 'policy:\r  model: shapes\rsampling: {steps: 10}\r',
  'keys that are not text': () => '? {a: 1}\n: 2\n? [1, 2]\n: 3\n1: 2\nnull: 3\n~: 4\ntrue: 5\n2026-11-22: 6\n',
};

/** Nine references at each of `levels` levels to the level before. */
function bomb(levels: number, width: number): string {
  const lines = ['a0: &a0 [x, x]'];
  for (let i = 1; i < levels; i++)
    lines.push(`a${i}: &a${i} [${Array.from({ length: width }, () => `*a${i - 1}`).join(', ')}]`);
  return `${lines.join('\n')}\npolicy: *a${levels - 1}\n`;
}

/** Texts without end; one in a thousand is hostile. */
export function* fuzzedTexts(seed: number): Generator<FuzzedText> {
  const random = uniforms(seed);
  const attacks = Object.values(hostile);
  for (;;) {
    const chance = random();
    if (chance < 0.001) yield { text: pick(random, attacks)(), kind: 'hostile' };
    else if (chance < 0.25) yield { text: typed(random), kind: 'typed' };
    else if (chance < 0.45) yield { text: woven(random), kind: 'woven' };
    else yield { text: mutated(random), kind: 'mutated' };
  }
}
