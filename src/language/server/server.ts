import {
  LSPErrorCodes,
  ResponseError,
  TextDocuments,
  TextDocumentSyncKind,
  type CancellationToken,
  type Connection,
  type InitializeResult,
  type TextDocumentIdentifier,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { packageVersion } from '../../../engine/package-root.ts';
import { configText, type ConfigText } from './config-text.ts';
import { actionKinds, codeActions, documentOf, resolveAction } from './features/actions.ts';
import { complete } from './features/completion.ts';
import { diagnostics } from './features/diagnostics.ts';
import { inlayHints } from './features/hints.ts';
import { hover } from './features/hover.ts';
import { codeLenses } from './features/lens.ts';
import { prepareRename, references, rename } from './features/structure/anchors.ts';
import { definition, links } from './features/structure/links.ts';
import { foldingRanges, format, selectionRanges, symbols } from './features/structure/outline.ts';
import { semanticTokens, tokensLegend } from './features/tokens.ts';
import { isEventLog } from './files.ts';
import type { Asked } from './request.ts';
import { serverSettings, type ServerSettings } from './settings.ts';
import { createYamlService, type YamlService } from './yaml-service.ts';

/** Milliseconds that a text rests before it is checked anew. */
const rest = 60;

const capabilities: InitializeResult['capabilities'] = {
  textDocumentSync: TextDocumentSyncKind.Incremental,
  completionProvider: { triggerCharacters: [' ', ':', '"', "'", '/', '{', ','], resolveProvider: false },
  hoverProvider: true,
  inlayHintProvider: true,
  codeLensProvider: { resolveProvider: false },
  codeActionProvider: { codeActionKinds: actionKinds, resolveProvider: true },
  semanticTokensProvider: { legend: tokensLegend, full: true },
  documentSymbolProvider: true,
  foldingRangeProvider: true,
  selectionRangeProvider: true,
  documentFormattingProvider: true,
  documentLinkProvider: { resolveProvider: false },
  definitionProvider: true,
  referencesProvider: true,
  renameProvider: { prepareProvider: true },
};

/** Serves configs over a connection, until it is closed. Reads files that configs name; never the network. */
export function serve(connection: Connection): void {
  const documents = new TextDocuments(TextDocument);
  const texts = new Map<string, ConfigText>();
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  let settings: ServerSettings = serverSettings.parse({});
  let service: YamlService | undefined;
  /** Whether the editor asks for the edit of an action once more, when it is chosen. */
  let resolvesLater = false;
  const yaml = () => (service ??= createYamlService());

  function textOf(uri: string): ConfigText | null {
    const document = documents.get(uri);
    if (document === undefined) return null;
    const known = texts.get(uri);
    if (known?.version === document.version) return known;
    const text = configText(document);
    texts.set(uri, text);
    return text;
  }

  /** Lets what is queued behind a request cancel it before it begins. */
  async function answer<T>(
    { uri }: TextDocumentIdentifier,
    token: CancellationToken,
    feature: (asked: Asked) => T | Promise<T>,
    otherwise: T,
  ): Promise<T> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (token.isCancellationRequested) throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
    const config = textOf(uri);
    return config === null ? otherwise : feature({ config, yaml: yaml(), settings, token });
  }

  async function check(uri: string): Promise<void> {
    const config = textOf(uri);
    if (config === null) return;
    const { version } = config;
    const isStale = () => documents.get(uri)?.version !== version;
    const token: CancellationToken = {
      get isCancellationRequested() {
        return isStale();
      },
      onCancellationRequested: () => ({ dispose() {} }),
    };
    const found = await diagnostics({ config, yaml: yaml(), settings, token });
    if (!isStale()) await connection.sendDiagnostics({ uri, version, diagnostics: found });
  }

  function checkSoon(uri: string): void {
    clearTimeout(timers.get(uri));
    const report = (error: unknown) => connection.console.error(String(error instanceof Error ? error.stack : error));
    timers.set(
      uri,
      setTimeout(() => void check(uri).catch(report), rest),
    );
  }

  connection.onInitialize(({ initializationOptions, capabilities: editor }) => {
    resolvesLater = editor.textDocument?.codeAction?.resolveSupport?.properties.includes('edit') ?? false;
    settings = serverSettings.parse(initializationOptions ?? {});
    return { capabilities, serverInfo: { name: 'sage-grpo', version: packageVersion() } };
  });
  connection.onDidChangeConfiguration(({ settings: changed }) => {
    const parsed = serverSettings.safeParse((changed as { sage?: unknown } | null)?.sage ?? {});
    if (parsed.success) settings = parsed.data;
    void connection.languages.inlayHint.refresh().catch(() => {});
    void connection.sendRequest('workspace/codeLens/refresh').catch(() => {});
  });
  connection.onDidChangeWatchedFiles(({ changes }) => {
    if (changes.every(({ uri }) => isEventLog(settings.runsFolder, uri))) return;
    // What is known of a text depends on the files that it names.
    texts.clear();
    for (const { uri } of documents.all()) checkSoon(uri);
  });
  documents.onDidChangeContent(({ document }) => checkSoon(document.uri));
  documents.onDidClose(({ document: { uri } }) => {
    clearTimeout(timers.get(uri));
    timers.delete(uri);
    texts.delete(uri);
    void connection.sendDiagnostics({ uri, diagnostics: [] });
  });

  connection.onCompletion((p, t) => answer(p.textDocument, t, (asked) => complete(asked, p.position), []));
  connection.onHover((p, t) => answer(p.textDocument, t, (asked) => hover(asked, p.position), null));
  connection.onCodeAction((p, t) =>
    answer(
      p.textDocument,
      t,
      async (asked) => {
        const actions = await codeActions(asked, p);
        return resolvesLater
          ? actions
          : actions.map((action) => (documentOf(action) === null ? action : resolveAction(asked, action)));
      },
      [],
    ),
  );
  connection.onCodeActionResolve((action, t) => {
    const uri = documentOf(action);
    return uri === null ? action : answer({ uri }, t, (asked) => resolveAction(asked, action), action);
  });
  connection.onCodeLens((p, t) => answer(p.textDocument, t, codeLenses, []));
  connection.languages.inlayHint.on((p, t) => answer(p.textDocument, t, (asked) => inlayHints(asked, p.range), []));
  connection.languages.semanticTokens.on((p, t) => answer(p.textDocument, t, semanticTokens, { data: [] }));
  connection.onDocumentSymbol((p, t) => answer(p.textDocument, t, symbols, []));
  connection.onFoldingRanges((p, t) => answer(p.textDocument, t, foldingRanges, []));
  connection.onSelectionRanges((p, t) => answer(p.textDocument, t, (asked) => selectionRanges(asked, p.positions), []));
  connection.onDocumentFormatting((p, t) => answer(p.textDocument, t, format, []));
  connection.onDocumentLinks((p, t) => answer(p.textDocument, t, links, []));
  connection.onDefinition((p, t) => answer(p.textDocument, t, (asked) => definition(asked, p.position), []));
  connection.onReferences((p, t) =>
    answer(p.textDocument, t, (asked) => references(asked, p.position, p.context.includeDeclaration), []),
  );
  connection.onPrepareRename((p, t) => answer(p.textDocument, t, (asked) => prepareRename(asked, p.position), null));
  connection.onRenameRequest((p, t) =>
    answer(p.textDocument, t, (asked) => rename(asked, p.position, p.newName), null),
  );

  documents.listen(connection);
  connection.listen();
}
