/** The read-only editor of a run's video. */
import path from 'node:path';
import * as vscode from 'vscode';
import { fromVideo, videoVersion, type FromVideo, type ToVideo } from '../../../webview/contract/video.ts';
import { pageProblem } from '../../engine/problems.ts';
import type { Panels } from '../../studio.ts';
import { checkedMessages, oneAtATime } from './messages.ts';
import { originOf, type VideoOrigin } from './origin.ts';
import { allow, autoplay, copy, load, type PanelServices } from './page.ts';

/** How long the page waits for what the engine knows before it shows the video without it (ms). */
const patience = 1500;

async function exists(uri: vscode.Uri): Promise<boolean> {
  return vscode.workspace.fs.stat(uri).then(
    ({ type }) => (type & vscode.FileType.File) !== 0,
    () => false,
  );
}

/** Fills an editor, new or revived, with a video. */
export function fillVideo(
  uri: vscode.Uri,
  panel: vscode.WebviewPanel,
  { context, engine, log }: PanelServices,
  openDashboard: Panels['openDashboard'],
): void {
  const { webview } = panel;
  const name = path.posix.basename(uri.path);
  const stop = new AbortController();
  let origin: Promise<VideoOrigin | null> | null = null;
  const send = (message: ToVideo) => webview.postMessage(message);

  /** Asked once; an engine that cannot be asked leaves a video without its story. */
  const findOrigin = () =>
    (origin ??=
      uri.scheme !== 'file'
        ? Promise.resolve(null)
        : originOf(uri.fsPath, engine, stop.signal).catch((error: unknown) => {
            log.info(`${name}: ${error instanceof Error ? error.message : String(error)}`);
            origin = null;
            return null;
          }));
  async function show(): Promise<void> {
    try {
      const { size } = await vscode.workspace.fs.stat(uri);
      const image = uri.with({ path: uri.path.replace(/\.mp4$/i, '.png') });
      const poster = (await exists(image)) ? webview.asWebviewUri(image).toString() : null;
      const setup = (known: VideoOrigin | null) =>
        send({
          ...({ type: 'setup', version: videoVersion, name, bytes: size, poster, origin: known } as const),
          ...{ source: webview.asWebviewUri(uri).toString(), autoplay: autoplay() },
        });
      const found = findOrigin();
      const late = Symbol();
      const first = await Promise.race([found, new Promise<symbol>((done) => setTimeout(done, patience, late))]);
      await setup(typeof first === 'symbol' ? null : first);
      if (typeof first !== 'symbol') return;
      const known = await found;
      if (known !== null && !stop.signal.aborted) await setup(known);
    } catch (error) {
      if (stop.signal.aborted) return;
      const remedy = 'It may have been deleted, or cut off by a resume. Close this editor.';
      await send({ type: 'problem', problem: { ...pageProblem(error), remedy } });
    }
  }
  const showing = oneAtATime(show);
  const openExternally = oneAtATime(async () => void (await vscode.env.openExternal(uri)));
  const copying = oneAtATime(copy);
  const opening = oneAtATime(async () => {
    const known = await findOrigin();
    if (known !== null) await openDashboard(known.run);
  });
  const receive = checkedMessages<FromVideo>(
    fromVideo,
    (message) => {
      switch (message.type) {
        case 'ready':
          return showing();
        case 'copy':
          return copying(message);
        case 'openExternally':
          return openExternally();
        case 'openDashboard':
          return opening();
      }
    },
    { log, from: 'Video' },
  );
  const subscription = webview.onDidReceiveMessage(receive);
  panel.onDidDispose(() => {
    stop.abort();
    subscription.dispose();
  });
  allow(webview, context.extensionUri, [vscode.Uri.joinPath(uri, '..')]);
  load(webview, context.extensionUri, 'video', name);
}
