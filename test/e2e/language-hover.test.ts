import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CodeLens, Hover, InlayHint, SemanticTokens } from 'vscode-languageserver/node';
import { startLanguageServer, type LanguageServer } from '../support/language.ts';

let server: LanguageServer;
const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-language-'));
const uri = pathToFileURL(path.join(folder, 'mine.sage.yaml')).href;
const textDocument = { uri };
const text = 'policy: {model: shapes}\nexploration:\n  eta: 0.5\nrollout: {generations: 8}\n';

beforeAll(async () => {
  server = await startLanguageServer({ commands: true, runsFolder: path.join(folder, 'runs') });
  server.write(uri, text);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  rmSync(folder, { recursive: true });
});

it('an editor is told what a value does, where it stands', async () => {
  const hover = await server.request<Hover>('textDocument/hover', {
    textDocument,
    position: { line: 2, character: 3 },
  });
  expect(hover.contents).toMatchObject({ kind: 'markdown' });
  expect((hover.contents as { value: string }).value).toContain('σ after the first step 0.964; injected std 0.781');
  expect(hover.range).toEqual({ start: { line: 2, character: 2 }, end: { line: 2, character: 5 } });
});

it('hints follow the settings of the editor', async () => {
  const range = { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } };
  const hints = () => server.request<InlayHint[]>('textDocument/inlayHint', { textDocument, range });
  expect((await hints()).map(({ label }) => label)).toContain('32 rollouts an iteration');
  server.notify('workspace/didChangeConfiguration', {
    settings: { sage: { commands: true, inlayHints: { rollouts: false } } },
  });
  expect((await hints()).map(({ label }) => label)).not.toContain('32 rollouts an iteration');
});

it('lenses offer to launch only what has no errors', async () => {
  const first = async () => (await server.request<CodeLens[]>('textDocument/codeLens', { textDocument }))[0].command;
  expect(await first()).toEqual({ title: '▶ Launch', command: 'sage.launch', arguments: [uri] });
  server.write(uri, text.replace('eta', 'ete'));
  expect(await first()).toMatchObject({ title: '$(error) 1 error', arguments: [`${uri}#L3,3`] });
  server.write(uri, text);
});

it('words are coloured by the types that the server announced', async () => {
  const { data } = await server.request<SemanticTokens>('textDocument/semanticTokens/full', { textDocument });
  const { legend } = server.initialized.capabilities.semanticTokensProvider!;
  const types = data.filter((_, i) => i % 5 === 3).map((type) => legend.tokenTypes[type]);
  expect(types).toEqual([
    ...['namespace', 'property', 'class', 'namespace', 'property', 'number', 'namespace', 'property', 'number'],
  ]);
});
