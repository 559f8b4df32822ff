import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CompletionItemKind } from 'vscode-languageserver/node';
import { listPresets } from '../../../engine/config/presets.ts';
import { complete } from '../../../src/language/server/features/completion.ts';
import { blocks, isKey, keysIn, oracle } from '../../support/completion-oracle.ts';
import { mutant } from '../../support/config-mutants.ts';
import { asked } from '../../support/language.ts';

const presets = listPresets().map(({ file }) => readFileSync(file, 'utf8'));

/** Compares what is offered with what is allowed, everywhere in a text. */
async function everywhere(text: string) {
  const request = asked(text, '/config/example.sage.yaml', { commands: true });
  const allowedAt = oracle(text);
  const counts = { positions: 0, certain: 0, wrong: [] as string[] };
  for (const [line, written] of text.split(/\r?\n/).entries())
    for (let character = 0; character <= written.length; character++) {
      const items = await complete(request, { line, character });
      const keys = items.filter(isKey).map(({ label }) => label);
      const allowed = allowedAt(request.config.document.offsetAt({ line, character }));
      const snippets = items.filter(
        ({ kind, filterText = '' }) => kind === CompletionItemKind.Snippet && filterText in seen,
      );
      counts.positions++;
      if (allowed.certain) counts.certain++;
      const isRight = allowed.certain
        ? keys.join() === allowed.keys.join()
        : blocks().some((path) => keys.every((key) => keysIn(path).includes(key)));
      if (!isRight || snippets.some(({ filterText }) => !keys.includes(filterText!)))
        counts.wrong.push(`line ${line + 1}, column ${character + 1}: ${keys.join()} in\n${text}`);
    }
  return counts;
}

/** Names of all keys. */
const seen = Object.fromEntries(blocks().flatMap((path) => keysIn(path).map((name) => [name, true])));

it('offers exactly the keys that the schema allows at every position of every preset', async () => {
  for (const text of presets) {
    const { positions, certain, wrong } = await everywhere(text);
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(certain).toBe(positions);
  }
});

it('offers exactly those in 200 configs with lines dropped, cut, moved, broken and restyled', async () => {
  let [positions, certain] = [0, 0];
  for (let seed = 0; seed < 200; seed++) {
    const found = await everywhere(mutant(presets[seed % presets.length], seed));
    expect(found.wrong.slice(0, 3)).toEqual([]);
    positions += found.positions;
    certain += found.certain;
  }
  // Most; the others are where the text is broken whatever stands at the cursor.
  expect(certain / positions).toBeGreaterThan(0.5);
});
