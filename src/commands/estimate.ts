import * as vscode from 'vscode';
import type { Estimate } from '../../engine/protocol.ts';
import { chooseConfig } from './config-files.ts';
import type { CommandContext } from './context.ts';
import { showErrors } from './config-errors.ts';

const scheme = 'sage-estimate';
/** The newest page of each config, by its document. */
const pages = new Map<string, string>();
const changed = new vscode.EventEmitter<vscode.Uri>();
let provider: vscode.Disposable | null = null;

/** The text of a config as it is being typed, where it is open. */
function openText(uri: vscode.Uri): string | undefined {
  return vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri.toString())?.getText();
}

/** The tab in which a page is rendered. */
function previewOf(page: vscode.Uri): vscode.Tab | undefined {
  const name = page.path.split('/').at(-1)!;
  return vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .find(({ input, label }) => input instanceof vscode.TabInputWebview && label.includes(name));
}

async function show(config: vscode.Uri, markdown: string): Promise<void> {
  const name = config.path
    .split('/')
    .at(-1)!
    .replace(/\.sage\.yaml$/, '');
  // The query keeps configs of equal names in other folders apart.
  const page = vscode.Uri.from({
    scheme,
    path: vscode.l10n.t('Estimate of {0}', name) + '.md',
    query: config.toString(),
  });
  pages.set(page.toString(), markdown);
  provider ??= vscode.workspace.registerTextDocumentContentProvider(scheme, {
    onDidChange: changed.event,
    provideTextDocumentContent: (uri) => pages.get(uri.toString()) ?? '',
  });
  changed.fire(page);
  const open = previewOf(page);
  // What is in sight follows the page by itself; what lies behind another tab cannot be brought to the front.
  if (open?.isActive) return;
  if (open) await vscode.window.tabGroups.close(open, true);
  const shown = vscode.commands.executeCommand('markdown.showPreviewToSide', page);
  await shown.then(undefined, () => vscode.window.showTextDocument(page, { viewColumn: vscode.ViewColumn.Beside }));
}

/** Shows beside its editor what a config is expected to take of memory, time and disk. Resolves to the estimate. */
export async function estimate(context: CommandContext, argument: unknown): Promise<Estimate | undefined> {
  const config = await chooseConfig(argument, {
    title: vscode.l10n.t('Estimate Memory and Time'),
    placeHolder: vscode.l10n.t('Choose the config whose memory and time are estimated'),
  });
  if (config === undefined) return undefined;
  const found = await context.engine.request('config/estimate', { file: config.fsPath, text: openText(config) });
  if (found.estimate === null) {
    const errors = found.diagnostics.filter(({ severity }) => severity === 'error');
    void showErrors(config, errors);
    return undefined;
  }
  await show(config, found.markdown);
  return found.estimate;
}
