/** Presets with some random edits: stretches cut out, and what YAML and editors stumble over put in. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { listPresets } from '../../engine/config/presets.ts';

/** The presets, which are the examples. */
export const presets = listPresets().map(({ name, file }) => ({ name, file, text: readFileSync(file, 'utf8') }));

const fragments = [
  ...['\t', '\0', '*a', '&a ', '<<: *a', '- ', '{', '}', '[', ']', '"', "'", ': ', '\r\n', '---\n', '# ', '|', '? '],
  ...['.nan', 'null', '-1', '1e999', 'eta', 'modle', '__proto__: 1\n', '!!binary ', '🦊', '\n  ', '`', '<b>'],
  ...['extends: shapes\n', 'extends: hunyuan'],
];
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(30),
  put: fc.oneof(fc.constantFrom(...fragments), fc.string({ maxLength: 6 })),
});

/** A preset with one to so many edits. */
export function spoiltPreset(mostEdits: number): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...presets), fc.array(edit, { minLength: 1, maxLength: mostEdits }))
    .map(([{ text }, edits]) =>
      edits.reduce((now, { at, cut, put }) => {
        const from = Math.floor(at * now.length);
        return now.slice(0, from) + put + now.slice(from + cut);
      }, text),
    );
}

/** Presets with one to four edits; the same ones for the same seed. */
export function spoiltPresets(count: number, seed: number): string[] {
  return fc.sample(spoiltPreset(4), { numRuns: count, seed });
}
