import { expect, it } from 'vitest';
import type { CodeAction, Diagnostic } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { startLanguageServer, type LanguageServer } from '../support/language.ts';

const uri = 'file:///config/example.sage.yaml';

/** The actions for what is found, of some kinds. */
function actions(server: LanguageServer, diagnostics: Diagnostic[], only: string[]): Promise<CodeAction[]> {
  const range = diagnostics[0]?.range ?? { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
  return server.request('textDocument/codeAction', { textDocument: { uri }, range, context: { diagnostics, only } });
}

function applied(text: string, { edit }: CodeAction): string {
  return TextDocument.applyEdits(TextDocument.create(uri, 'sage-yaml', 1, text), edit!.changes![uri]);
}

it('puts a finding right by an action, and says so no more', async () => {
  const server = await startLanguageServer();
  expect(server.initialized.capabilities.codeActionProvider).toMatchObject({ resolveProvider: true });
  const text = 'exploration:\n\tkernel: cps\n\teta: 0.5 # strong\n';
  server.write(uri, text);
  const found = await server.diagnostics(uri);
  expect(found.map(({ code }) => code)).toEqual(['config/tab', 'config/tab']);
  const [fix, ...others] = await actions(server, found, ['quickfix']);
  expect(others).toEqual([]);
  expect(fix).toMatchObject({ isPreferred: true, diagnostics: [{ code: 'config/tab' }] });
  const changed = applied(text, fix);
  expect(changed).toBe('exploration:\n  kernel: cps\n  eta: 0.5 # strong\n');
  server.write(uri, changed);
  expect(await server.diagnostics(uri)).toEqual([]);
  // An editor that cannot ask later for the edit of an action gets it at once.
  const [sort] = await actions(server, [], ['source.sortKeys']);
  expect(applied(changed, sort)).toBe(changed);
  expect(await server.stop()).toBe(0);
});

it('works out the edit of an action when it is chosen, for an editor that asks then', async () => {
  const server = await startLanguageServer({}, { codeAction: { resolveSupport: { properties: ['edit'] } } });
  const text = 'seed: 1\nname: a\n';
  server.write(uri, text);
  expect(await server.diagnostics(uri)).toEqual([]);
  const [sort] = await actions(server, [], ['source.sortKeys']);
  expect(sort.edit).toBeUndefined();
  const resolved = await server.request<CodeAction>('codeAction/resolve', sort);
  expect(applied(text, resolved)).toBe('name: a\nseed: 1\n');
  server.write(uri, 'seed: 2\nname: a\n');
  const late = await server.request<CodeAction>('codeAction/resolve', sort);
  expect(late.edit).toEqual({ changes: { [uri]: [] } });
  expect(await server.stop()).toBe(0);
});

it.each([{}, { codeAction: { resolveSupport: { properties: ['edit'] } } }])(
  'explains what is found, whether the editor asks for edits at once or later: %j',
  async (editor) => {
    const server = await startLanguageServer({ commands: true }, editor);
    const explained = async (text: string, only = ['quickfix']) => {
      server.write(uri, text);
      return (await actions(server, await server.diagnostics(uri), only)).filter(({ edit }) => edit === undefined);
    };
    const [unknown, ...others] = await explained('exploration: {ete: 1}\n');
    expect(others).toEqual([]);
    expect(unknown).toMatchObject({
      title: 'Explain config/unknown-key',
      kind: 'quickfix',
      diagnostics: [{ code: 'config/unknown-key' }],
      command: { command: 'sage.openDocumentation', arguments: ['diagnostics.md', 'configunknown-key'] },
    });
    expect(await server.request('codeAction/resolve', unknown)).toEqual(unknown);
    // Each code once, and also for a text that no parser is given.
    expect((await explained('a: {ete: 1}\nb: {ete: 1}\n')).map(({ title }) => title)).toHaveLength(1);
    const binary = 'seed: 1\0';
    expect((await explained(binary)).map(({ title }) => title)).toEqual(['Explain config/not-text']);
    expect(await explained(binary, ['refactor'])).toEqual([]);
    expect(await server.stop()).toBe(0);
  },
);

it('finds what was typed last, however fast it was typed, and nothing of what was before', async () => {
  const server = await startLanguageServer();
  const typed = 'exploration: { eta: -1 }\n';
  for (let length = 1; length < typed.length; length++) server.write(uri, typed.slice(0, length));
  server.write(uri, typed);
  expect((await server.diagnostics(uri)).map(({ code }) => code)).toEqual(['config/out-of-range']);
  server.close(uri);
  server.write(uri, 'exploration: { eta: 1 }\n');
  expect(await server.diagnostics(uri)).toEqual([]);
  expect(await server.stop()).toBe(0);
});
