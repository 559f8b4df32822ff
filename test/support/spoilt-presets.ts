import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { listPresets } from '../../../engine/config/presets.ts';

/** The presets, which are the examples. */
export const presets = listPresets().map(({ name, file }) => ({ name, file, text: readFileSync(file, 'utf8') }));

const fragments = [
  ...['\t', '*a', '&a ', '<<: *a', '- ', '{', '}', '[', ']', '"', "'", ': ', '\r\n', '---\n', '# ', '| ', '? '],
  ...['.nan', 'null', '-1', '1e999', 'eta', 'modle', '__proto__: 1\n', '!!binary ', '🦊', '\n  ', '`', '<b>'],
];
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(20),
  put: fc.oneof(fc.constantFrom(...fragments), fc.string({ maxLength: 4 })),
});

/** Presets with one to four random edits; the same ones for the same seed. */
export function mutants(count: number, seed: number): string[] {
  const mutant = fc
    .tuple(fc.constantFrom(...presets), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([{ text }, edits]) =>
      edits.reduce((now, { at, cut, put }) => {
        const from = Math.floor(at * now.length);
        return now.slice(0, from) + put + now.slice(from + cut);
      }, text),
    );
  return fc.sample(mutant, { numRuns: count, seed });
}

/** Every position of a text. */
export function* positions(text: string): Generator<{ line: number; character: number }> {
  for (const [line, content] of text.split(/\r\n|\n|\r/).entries())
    for (let character = 0; character <= content.length; character++) yield { line, character };
}
