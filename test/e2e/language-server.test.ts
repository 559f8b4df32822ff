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
