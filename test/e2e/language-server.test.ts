import { expect, it } from 'vitest';
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
