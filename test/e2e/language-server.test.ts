import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { startLanguageServer } from '../support/language.ts';

const uri = 'file:///config/example.sage.yaml';

it('answers an editor over standard input and output, and ends when it is told to', async () => {
  const server = await startLanguageServer();
  server.write(uri, 'policy: {model: shapes}\nexploration: {ete: 1}\n');
  const [found] = await server.diagnostics(uri);
  expect(found).toMatchObject({ code: 'config/unknown-key', source: 'sage', severity: 1 });
  const hover = await server.request<{ contents: unknown }>('textDocument/hover', {
    textDocument: { uri },
    position: { line: 0, character: 10 },
  });
  expect(JSON.stringify(hover.contents)).toContain('generator');
  expect(await server.stop()).toBe(0);
});

it('sees another text when a file is opened again, as after a change on the disk', async () => {
  const server = await startLanguageServer();
  const outline = async () =>
    (await server.request<{ name: string }[]>('textDocument/documentSymbol', { textDocument: { uri } })).map(
      ({ name }) => name,
    );
  server.write(uri, 'sampling: {steps: 10}\n');
  expect(await outline()).toEqual(['sampling']);
  server.close(uri);
  server.write(uri, 'rollout: {generations: 4}\n');
  expect(await outline()).toEqual(['rollout']);
  await server.stop();
});

it('answers for an address that names no file of this machine', async () => {
  const server = await startLanguageServer();
  const nowhere = 'file:///config%2Fexample.sage.yaml';
  server.write(nowhere, 'prompts: {file: prompts.txt}\nexploration: {ete: 1}\n');
  expect((await server.diagnostics(nowhere)).map(({ code }) => code)).toContain('config/unknown-key');
  expect(await server.stop()).toBe(0);
});

it('looks at a config again when a file that it may name has changed, not when a run has written an event', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-watched-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const at = (...parts: string[]) => pathToFileURL(path.join(folder, ...parts)).href;
  const config = at('a.sage.yaml');
  const server = await startLanguageServer({ runsFolder: path.join(folder, 'runs') });
  const hasChanged = (...uris: string[]) =>
    server.notify('workspace/didChangeWatchedFiles', { changes: uris.map((uri) => ({ uri, type: 2 })) });
  const count = async () => {
    const hover = await server.request<{ contents: unknown }>('textDocument/hover', {
      textDocument: { uri: config },
      position: { line: 0, character: 2 },
    });
    return Number(/(\d+) prompts?, 1 an iteration/.exec(JSON.stringify(hover.contents))?.[1]);
  };
  const writePrompts = (...prompts: string[]) => writeFileSync(path.join(folder, 'prompts.txt'), prompts.join('\n'));
  const eventLog = at('runs', 'a-20260101-000000', 'events.jsonl');
  writePrompts('a red circle moving left', 'a blue circle moving left');
  server.write(config, 'prompts: {file: prompts.txt}\nrollout: {prompts_per_iteration: 1}\n');
  expect(await count()).toBe(2);
  writePrompts('a red circle moving left', 'a blue circle moving left', 'a green circle moving left');
  hasChanged(eventLog, eventLog);
  expect(await count()).toBe(2);
  hasChanged(eventLog, at('prompts.txt'));
  expect(await count()).toBe(3);
  expect(await server.stop()).toBe(0);
});
