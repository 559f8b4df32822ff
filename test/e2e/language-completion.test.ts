import { expect, it } from 'vitest';
import type { CompletionItem } from 'vscode-languageserver/node';
import { cursor, startLanguageServer } from '../support/language.ts';

const uri = 'file:///config/example.sage.yaml';

it('completes as one types, over the protocol', async () => {
  const server = await startLanguageServer({ commands: true });
  const offered = async (marked: string) => {
    const { text, at } = cursor(marked);
    server.write(uri, text);
    const params = { textDocument: { uri }, position: at };
    return server.request<CompletionItem[]>('textDocument/completion', params);
  };
  const labels = async (marked: string) => (await offered(marked)).map(({ label }) => label);
  try {
    expect(await labels('|')).toContain('Whole config: shapes');
    expect(await labels('explo|')).toContain('exploration');
    expect(await labels('exploration:\n  |')).toEqual(expect.arrayContaining(['kernel', 'eta']));
    const [sage] = await offered('exploration:\n  kernel: |');
    expect(sage).toMatchObject({ label: 'sage', preselect: true, textEdit: { newText: 'sage' } });
    expect(await labels('exploration: { kernel: sage, |')).not.toContain('kernel');
    expect(await labels('# explo|')).toEqual([]);
  } finally {
    expect(await server.stop()).toBe(0);
  }
});
