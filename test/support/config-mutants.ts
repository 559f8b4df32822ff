import { isMap, parseDocument, visit } from 'yaml';
import { uniforms } from '../bench/statistics.ts';

type Change = (lines: string[], random: () => number) => string[];

const changeOne = (lines: string[], random: () => number, change: (line: string) => string) => {
  const at = Math.floor(random() * lines.length);
  return lines.map((line, i) => (i === at ? change(line) : line));
};

/** Blocks into braces and back, as far as the text can be read. */
const changeStyle: Change = (lines, random) => {
  const document = parseDocument(lines.join('\n'));
  if (document.errors.length > 0) return lines;
  visit(document, {
    Map(key, map) {
      if (key !== null && random() < 0.4) map.flow = map.flow !== true && !map.items.some(({ value }) => isMap(value));
    },
  });
  return document.toString({ lineWidth: 0 }).trimEnd().split('\n');
};

/** What is in brackets or quotes over several lines, some of them blank. */
const spreadBrackets: Change = (lines, random) =>
  lines.map((line) => {
    const least = random() < 0.8 ? line.search(/\S|$/) + 1 : 0;
    return line.replace(/(?<=[{,]|".*) | (?=\})/g, (blank) => {
      const lineBreak = random() < 0.3 ? '\n\n' : '\n';
      return random() < 0.3 ? lineBreak + ' '.repeat(least + Math.floor(random() * 5)) : blank;
    });
  });

const changes: Change[] = [
  (lines, random) => lines.filter(() => random() > 0.1),
  (lines, random) => changeOne(lines, random, (line) => line.slice(0, Math.floor(random() * (line.length + 1)))),
  (lines, random) => changeOne(lines, random, (line) => ' '.repeat(1 + Math.floor(random() * 3)) + line),
  (lines, random) => changeOne(lines, random, (line) => line.slice(1 + Math.floor(random() * 2))),
  (lines, random) => changeOne(lines, random, (line) => `${line}\n${' '.repeat(Math.floor(random() * 6))}`),
  (lines, random) => changeOne(lines, random, (line) => line.replace(/[{}[\]:,'"#]/, '')),
  (lines, random) => changeOne(lines, random, (line) => line.replace(/ /g, (blank) => (random() < 0.2 ? '\t' : blank))),
  (lines, random) => changeOne(lines, random, (line) => line.replace(/: (?=[^&*])/, ': &anchor ')),
  (lines, random) => changeOne(lines, random, (line) => line.replace(/: (\w)/, ': "$1')),
  (lines) => lines.map((line, i) => (i < lines.length - 1 ? line.replace(/\r?$/, '\r') : line)),
  spreadBrackets,
  spreadBrackets,
  changeStyle,
  changeStyle,
];

/** Leaves lines out; one that heads a block takes the block with it, most of the time. */
function thin(lines: string[], random: () => number): string[] {
  const kept = 0.15 + 0.25 * random();
  let dropping = false;
  return lines.filter((line) => {
    if (dropping && /^\s|^$/.test(line)) return false;
    const isDropped = random() > (/^\s*(- |#)/.test(line) ? 0.05 : kept);
    dropping = isDropped && /^\w+:\s*(#.*)?$/.test(line) && random() < 0.9;
    return !isDropped;
  });
}

/** A config with some of its lines, cut, moved, broken or written in another style. */
export function mutant(text: string, seed: number): string {
  const random = uniforms(seed);
  let lines = thin(text.split('\n'), random);
  for (let n = Math.floor(random() * 3.5); n > 0; n--)
    lines = changes[Math.floor(random() * changes.length)](lines, random).flatMap((line) => line.split('\n'));
  return lines.join('\n').replace(/\r(?!\n)/g, '');
}
