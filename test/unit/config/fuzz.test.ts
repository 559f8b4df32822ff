import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allCodes } from '../../../engine/config/codes.ts';
import { checkText } from '../../../engine/config/load.ts';
import { editDistance } from '../../../engine/spelling.ts';
import { quote } from '../../../engine/config/text.ts';
import { spoiltPreset } from '../../support/spoilt-presets.ts';

describe('any text', () => {
  it('is answered with a config or with errors that lie inside it', () => {
    fc.assert(
      fc.property(spoiltPreset(6), (text) => {
        const { config, diagnostics } = checkText(text, { checkFiles: false });
        expect(config === null).toBe(diagnostics.some((d) => d.severity === 'error'));
        const lines = text.split('\n').length;
        for (const d of diagnostics) {
          expect(allCodes).toContain(d.code);
          expect(d.message.length * d.remedy.length).toBeGreaterThan(0);
          expect(d.line >= 1 && d.column >= 1 && d.line <= lines && d.endLine <= lines).toBe(true);
          expect(d.endLine > d.line || d.endColumn >= d.column).toBe(true);
          for (const { title } of d.fixes ?? []) expect(title).not.toMatch(/[\0-\x1f\x7f\u202e]/);
          expect(d.message + d.remedy).not.toMatch(/[\0-\x1f\x7f\u202e]/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('may come as a flag', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 40, unit: 'binary' }),
        fc.constantFrom('', 'sampling.', 'prompts=', 'exploration.window='),
        (text, head) => {
          const { config, diagnostics } = checkText('seed: 1', { checkFiles: false, overrides: [head + text] });
          expect(config === null).toBe(diagnostics.some((d) => d.severity === 'error'));
        },
      ),
      { numRuns: 500 },
    );
  });
});

it('the distance of two words is a distance', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 7 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
  expect(editDistance('genrations', 'generations')).toBe(1);
  expect(editDistance('kerenl', 'kernel')).toBe(1);
});

it('a quoted text is one short line without control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const shown = quote(text);
      expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(shown.endsWith('"') || shown.endsWith('characters)')).toBe(true);
    }),
  );
});

it('a block in place of a key is no key, whatever it merges', () => {
  for (const text of ['? {<<: 1}\n: 2\n', 'policy:\n  ? {<<: [a]}\n  : 2\n', '? [{<<: x}]\n: 3\n'])
    expect(checkText(text).diagnostics.map(({ code }) => code)).toContain('config/unknown-key');
});
