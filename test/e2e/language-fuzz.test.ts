/** The server as a process, given texts that nobody would write. `node bootstrap.mjs fuzz` gives it 100,000. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uniforms } from '../bench/statistics.ts';
import { fuzzedTexts, hostile } from '../support/config-fuzz.ts';
import { startLanguageServer, type LanguageServer } from '../support/language.ts';

const uri = 'file:///config/fuzzed.sage.yaml';
const whole = { start: { line: 0, character: 0 }, end: { line: 100_000, character: 0 } };
let server: LanguageServer;

beforeAll(async () => {
  server = await startLanguageServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** Asks for everything that an editor asks for after a change; each answer is one, whatever it says. */
async function askAll(text: string, at: { line: number; character: number }): Promise<number> {
  server.write(uri, text);
  const document = { textDocument: { uri } };
  const asks: [string, object][] = [
    ['completion', { ...document, position: at }],
    ['hover', { ...document, position: at }],
    ['definition', { ...document, position: at }],
    ['inlayHint', { ...document, range: whole }],
    ['codeLens', document],
    ['documentSymbol', document],
    ['foldingRange', document],
    ['documentLink', document],
    ['semanticTokens/full', document],
    ['formatting', { ...document, options: { tabSize: 2, insertSpaces: true } }],
  ];
  const answers = await Promise.all(asks.map(([name, params]) => server.request(`textDocument/${name}`, params)));
  const diagnostics = await server.diagnostics(uri);
  await server.request('textDocument/codeAction', {
    ...document,
    range: { start: at, end: at },
    context: { diagnostics },
  });
  return answers.length + diagnostics.length;
}

/** The most memory that the server has had, in MiB; null where the system does not tell. */
function mostMemory(): number | null {
  if (process.platform !== 'linux') return null;
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))!;
  return Number(kilobytes) / 1024;
}

describe('the language server', () => {
  it.each(Object.keys(hostile))('answers the next request after %s', async (name) => {
    await askAll(hostile[name](), { line: 1, character: 3 });
    server.write(uri, 'exploration: {ete: 1}\n');
    expect((await server.diagnostics(uri)).map(({ code }) => code)).toContain('config/unknown-key');
  });

  it('answers everything that is asked of half-typed and broken texts', async () => {
    const texts = fuzzedTexts(7);
    const random = uniforms(8);
    for (let i = 0; i < 60; i++) {
      const { text } = texts.next().value!;
      const line = Math.floor(random() * (text.split('\n').length + 1));
      expect(await askAll(text, { line, character: Math.floor(random() * 20) })).toBeGreaterThanOrEqual(10);
    }
  });

  it('keeps its memory', () => {
    const most = mostMemory();
    if (most !== null) expect(most).toBeLessThan(1024);
  });
});
