/** The language server's program beside this one: from the sources, or from the bundle. */
const server = import.meta.url.endsWith('.ts') ? '../../src/language/server/main.ts' : './language-server.js';

/** Serves configs to an editor by the Language Server Protocol, over standard input and output, until the editor ends it. */
export async function lspCommand(): Promise<never> {
  await import(new URL(server, import.meta.url).href);
  return new Promise(() => {});
}
