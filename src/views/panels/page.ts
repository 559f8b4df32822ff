/** What the webviews of the three panels have in common. */
import * as vscode from 'vscode';
import type { IterationVideos } from '../../../engine/protocol.ts';
import type { LogSink } from '../../engine/create.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Runs } from '../../studio.ts';
import type { Sources } from './dashboard-session.ts';
import { newNonce, pageHtml } from './html.ts';
import { mediaOf } from './run-files.ts';
import { saveBytes, saveFormats, saveName, type SaveFormat } from './save.ts';
import type { viewTypes } from './view-types.ts';

/** What panels work with. */
export interface PanelServices {
  context: vscode.ExtensionContext;
  log: LogSink;
  engine: Engine;
  /** Watched from when the first panel opens, where that is not so already. */
  runs: Runs & { watch?(): void };
}

/** Lets a webview load its bundle and the given folders, and nothing else. To change this later loads the page again. */
export function allow(webview: vscode.Webview, extension: vscode.Uri, folders: readonly vscode.Uri[]): void {
  const own = [vscode.Uri.joinPath(extension, 'dist', 'webview'), vscode.Uri.joinPath(extension, 'media')];
  const localResourceRoots = [...own, ...folders];
  const same = (webview.options.localResourceRoots ?? []).map(String).join('\n');
  if (webview.options.enableScripts === true && same === localResourceRoots.map(String).join('\n')) return;
  webview.options = { enableScripts: true, enableCommandUris: false, enableForms: false, localResourceRoots };
}

/** Loads a bundle into a webview. */
export function load(
  webview: vscode.Webview,
  extension: vscode.Uri,
  name: keyof typeof viewTypes,
  title: string,
): void {
  const file = (ending: string) =>
    webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist', 'webview', `${name}.${ending}`)).toString();
  webview.html = pageHtml({
    title,
    cspSource: webview.cspSource,
    script: file('js'),
    style: file('css'),
    nonce: newNonce(),
  });
}

/** The icon of a panel's tab. */
export function panelIcon(
  extension: vscode.Uri,
  name: 'dashboard' | 'compare' | 'schedule',
): { light: vscode.Uri; dark: vscode.Uri } {
  const icon = (theme: string) => vscode.Uri.joinPath(extension, 'media', `${name}-${theme}.svg`);
  return { light: icon('light'), dark: icon('dark') };
}

/** What a <video> and an <img> take, by `file`, of those videos that lie in the run and are on disk. */
export async function sourcesOf(
  webview: vscode.Webview,
  folder: string,
  videos: IterationVideos['videos'],
): Promise<Sources> {
  const uri = (file: string) => webview.asWebviewUri(vscode.Uri.file(file)).toString();
  const found = [...(await mediaOf(folder, videos))].map(
    ([file, { video, poster }]) => [file, { video: uri(video), poster: poster === null ? '' : uri(poster) }] as const,
  );
  return Object.fromEntries(found);
}

export function autoplay(): boolean {
  return vscode.workspace.getConfiguration('sage').get('video.autoplay', true);
}

export async function copy({ text }: { text: string }): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(vscode.l10n.t('Copied.'), 2000);
}

/** Asks where to save, and writes. */
export async function save({ name, format, data }: { name: string; format: SaveFormat; data: string }): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const file = saveName(name, format);
  const target = await vscode.window.showSaveDialog({
    defaultUri: folder === undefined ? undefined : vscode.Uri.joinPath(folder, file),
    filters: { [saveFormats[format]]: [format] },
    title: vscode.l10n.t('Save {0}', file),
  });
  if (target === undefined) return;
  try {
    await vscode.workspace.fs.writeFile(target, saveBytes(format, data));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(vscode.l10n.t('{0} could not be saved: {1}', file, reason));
  }
}
