import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import type { Diagnostic, InitializeParams, InitializeResult } from 'vscode-languageserver/node';
import { CancellationToken } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { packageRoot } from '../../engine/package-root.ts';
import { configText } from '../../src/language/server/config-text.ts';
import type { Asked } from '../../src/language/server/request.ts';
import { serverSettings } from '../../src/language/server/settings.ts';
import { createYamlService, type YamlService } from '../../src/language/server/yaml-service.ts';

let yaml: YamlService | undefined;

/** What a feature of the language server is given, for a text that stands in `file`. */
export function asked(text: string, file = '/config/example.sage.yaml', settings: object = {}): Asked {
  const document = TextDocument.create(pathToFileURL(file).href, 'sage-yaml', 1, text);
  yaml ??= createYamlService();
  return {
    config: configText(document),
    yaml,
    settings: serverSettings.parse(settings),
    token: CancellationToken.None,
  };
}

/** A text with a `|` in it: without it, and where it stood. */
export function cursor(marked: string): { text: string; at: { line: number; character: number } } {
  const before = marked.slice(0, marked.indexOf('|')).split('\n');
  return {
    text: marked.replace('|', ''),
    at: { line: before.length - 1, character: before[before.length - 1].length },
  };
}

/** Every position of a text. */
export function* positions(text: string): Generator<{ line: number; character: number }> {
  for (const [line, content] of text.split(/\r\n|\n|\r/).entries())
    for (let character = 0; character <= content.length; character++) yield { line, character };
}

/** A real language server, `sage-grpo lsp --stdio`, and an editor's side of the connection to it. */
export interface LanguageServer {
  readonly initialized: InitializeResult;
  /** Opens a document (language id `sage-yaml`), or replaces its text. */
  write(uri: string, text: string): void;
  close(uri: string): void;
  /** Resolves with the findings for the latest text that was written. */
  diagnostics(uri: string): Promise<Diagnostic[]>;
  request<T>(method: string, params: unknown, token?: CancellationToken): Promise<T>;
  notify(method: string, params: unknown): void;
  readonly pid: number;
  /** Shuts it down as an editor does. @returns its exit code */
  stop(): Promise<number | null>;
}

/**
 * Starts a server.
 * @param options `initializationOptions`
 * @param textDocument what the editor's side can do besides
 */
export async function startLanguageServer(
  options: object = {},
  textDocument: InitializeParams['capabilities']['textDocument'] = {},
): Promise<LanguageServer> {
  const program = path.join(packageRoot(), 'engine', 'cli.ts');
  const child = spawn(process.execPath, [program, 'lsp', '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  const versions = new Map<string, number>();
  const found = new Map<string, { version: number; diagnostics: Diagnostic[] }>();
  const waiting = new Set<() => void>();
  connection.onNotification('textDocument/publishDiagnostics', (params: unknown) => {
    const { uri, version, diagnostics } = params as { uri: string; version: number; diagnostics: Diagnostic[] };
    found.set(uri, { version, diagnostics });
    for (const wake of waiting) wake();
  });
  for (const refresh of ['workspace/inlayHint/refresh', 'workspace/codeLens/refresh', 'client/registerCapability'])
    connection.onRequest(refresh, () => null);
  connection.listen();
  const params: InitializeParams = {
    processId: process.pid,
    rootUri: null,
    capabilities: { textDocument: { publishDiagnostics: { versionSupport: true }, ...textDocument } },
    initializationOptions: options,
  };
  const initialized: InitializeResult = await connection.sendRequest('initialize', params);
  await connection.sendNotification('initialized', {});
  return {
    initialized,
    pid: child.pid!,
    write(uri, text) {
      const version = (versions.get(uri) ?? 0) + 1;
      versions.set(uri, version);
      const opened = { textDocument: { uri, languageId: 'sage-yaml', version, text } };
      const changed = { textDocument: { uri, version }, contentChanges: [{ text }] };
      if (version === 1) void connection.sendNotification('textDocument/didOpen', opened);
      else void connection.sendNotification('textDocument/didChange', changed);
    },
    close(uri) {
      versions.delete(uri);
      found.delete(uri);
      void connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
    },
    diagnostics: (uri) =>
      new Promise((resolve) => {
        const look = () => {
          const latest = found.get(uri);
          if (latest?.version !== versions.get(uri)) return;
          waiting.delete(look);
          resolve(latest!.diagnostics);
        };
        waiting.add(look);
        look();
      }),
    request: (method, asks, token) => connection.sendRequest(method, asks, token ?? CancellationToken.None),
    notify: (method, says) => void connection.sendNotification(method, says),
    async stop() {
      await connection.sendRequest('shutdown');
      await connection.sendNotification('exit');
      const code = await ended;
      connection.dispose();
      return code;
    },
  };
}
