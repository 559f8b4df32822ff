import type * as vscode from 'vscode';
import type { Views } from './create.ts';

/** Loads and shows the views when they are first wanted; who asks after a failure tries again. */
export function lateViews(load: () => Promise<Views>): vscode.Disposable & { get(): Promise<Views> } {
  let views: Promise<Views> | null = null;
  let disposed = false;
  const loaded = async () => {
    const found = await load();
    if (disposed) found.dispose();
    return found;
  };
  return {
    get() {
      views ??= loaded().catch((error: unknown) => {
        views = null;
        throw error;
      });
      return views;
    },
    dispose() {
      disposed = true;
      views?.then((shown) => shown.dispose()).catch(() => {});
    },
  };
}
