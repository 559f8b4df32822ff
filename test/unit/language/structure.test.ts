import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { Range, SelectionRange } from 'vscode-languageserver/node';
import { listPresets, readPreset } from '../../../engine/config/presets.ts';
import { prepareRename, references, rename } from '../../../src/language/server/features/structure/anchors.ts';
import { definition, links } from '../../../src/language/server/features/structure/links.ts';
import {
  foldingRanges,
  format,
  selectionRanges,
  symbols,
} from '../../../src/language/server/features/structure/outline.ts';
import { contains } from '../../../src/language/server/places.ts';
import type { Asked } from '../../../src/language/server/request.ts';
import { asked, cursor } from '../../support/language.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-structure-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'a.sage.yaml');

const shared = `sampling: &s # arXiv:2603.21872, §3.2
  steps: 10
evaluation:
  <<: *s
  every: 5
`;
const textAt = ({ config }: Asked, range: Range) => config.document.getText(range);

describe('the shape of a config', () => {
  it('is an outline of its blocks and keys', () => {
    const outline = symbols(asked('policy:\n  model: shapes\nprompts: all\n'));
    expect(outline.map(({ name, children }) => [name, children?.map((child) => child.name)])).toEqual([
      ['policy', ['model']],
      ['prompts', []],
    ]);
  });

  it('folds every block of more than one line', () => {
    expect(foldingRanges(asked(shared))).toMatchObject([
      { startLine: 0, endLine: 1 },
      { startLine: 2, endLine: 4 },
    ]);
  });

  it('is selected from the word outwards, through aliases too', () => {
    const chains = selectionRanges(asked(shared), [
      { line: 1, character: 4 },
      { line: 3, character: 7 },
    ]);
    for (let chain: SelectionRange | undefined = chains[0]; chain?.parent; chain = chain.parent) {
      expect(contains(chain.parent.range, chain.range.start)).toBe(true);
      expect(contains(chain.parent.range, chain.range.end)).toBe(true);
    }
    expect(textAt(asked(shared), chains[0].range)).toBe('steps');
    expect(chains).toHaveLength(2);
  });
});

describe('formatting', () => {
  const formatted = async (text: string) => {
    const one = asked(text);
    return TextDocument.applyEdits(one.config.document, await format(one));
  };

  it('indents, and keeps comments and values', async () => {
    const text = '# of mine\npolicy:\n      model:    shapes # the model\n\n\n\nprompts: {file: a.txt}\n';
    expect(await formatted(text)).toBe('# of mine\npolicy:\n  model: shapes # the model\n\nprompts: { file: a.txt }\n');
  });

  it('leaves presets as they are, and what cannot be parsed alone', async () => {
    for (const { name } of listPresets()) expect(await formatted(readPreset(name))).toBe(readPreset(name));
    expect(await format(asked('policy: {model\nprompts: [\n'))).toEqual([]);
  });
});

describe('links', () => {
  it('lead to files that exist, and to the section of the paper that a comment names', () => {
    writeFileSync(path.join(folder, 'prompts.txt'), 'a red circle moving left\n');
    const one = asked(`${shared}prompts: {file: prompts.txt} # §4\npolicy: {weights: nowhere.safetensors}\n`, file);
    expect(links(one).map(({ range, target }) => [textAt(one, range), target])).toEqual([
      ['prompts.txt', pathToFileURL(path.join(folder, 'prompts.txt')).href],
      ['arXiv:2603.21872, §3.2', 'https://arxiv.org/html/2603.21872#S3.SS2'],
      ['§4', 'https://arxiv.org/html/2603.21872#S4'],
    ]);
  });

  it('do not look for # within values', () => {
    expect(links(asked('prompts: ["a §3 # §4"]\nname: a#§5\n'))).toEqual([]);
  });

  it('go from the name of a preset to its file', () => {
    const { text, at } = cursor('extends: sha|pes\n');
    const [found] = definition(asked(text, file), at);
    expect(found.targetUri).toBe(pathToFileURL(listPresets().find(({ name }) => name === 'shapes')!.file).href);
  });
});

describe('anchors', () => {
  const use = { line: 3, character: 7 };

  it('an alias leads to its anchor', () => {
    const one = asked(shared);
    const [found] = definition(one, use);
    expect(found.targetRange).toEqual({ start: { line: 0, character: 11 }, end: { line: 0, character: 12 } });
  });

  it('are found wherever they are used, and renamed everywhere', () => {
    const one = asked(shared);
    expect(references(one, use, true).map(({ range }) => range.start.line)).toEqual([0, 3]);
    expect(references(one, use, false)).toHaveLength(1);
    expect(textAt(one, prepareRename(one, { line: 0, character: 10 })!)).toBe('s');
    const edits = rename(one, use, 'shared')!.changes![one.config.document.uri];
    expect(TextDocument.applyEdits(one.config.document, edits)).toBe(
      shared.replace('&s', '&shared').replace('*s', '*shared'),
    );
    expect(prepareRename(one, { line: 1, character: 3 })).toBeNull();
  });

  it('a name that is defined twice is two anchors', () => {
    const text = 'a: &x 1\nb: *x\nc: &x 2\nd: *x\n';
    expect(references(asked(text), { line: 1, character: 4 }, true).map(({ range }) => range.start.line)).toEqual([
      0, 1,
    ]);
    expect(() => rename(asked(`${text}e: &y 3\n`), { line: 1, character: 4 }, 'y')).toThrow('another anchor');
  });

  it('cannot get a name that YAML does not allow', () => {
    for (const name of ['', 'a b', 'a,b', 'a]', '{a}'])
      expect(() => rename(asked(shared), use, name)).toThrow('cannot be called');
  });
});

it('a text whose anchors hold themselves is answered with what can be had', () => {
  const one = asked('a: &x\n  - b: *x\n  - [c: &y {d: *y}\nstill: broken: here\n');
  for (const ask of [symbols, foldingRanges]) expect(Array.isArray(ask(one))).toBe(true);
  expect(Array.isArray(selectionRanges(one, [{ line: 1, character: 5 }]))).toBe(true);
});
