/** A run's config as it was launched, read-only: what a run was is not to be changed afterwards. */
import * as vscode from 'vscode';
import type { Engine } from '../../engine/engine.ts';

const name = 'config.sage.yaml';

/** The text of `sage-run:/RUN/config.sage.yaml`, from the engine, which looks after what of a run is shown. */
export async function runConfig(engine: Engine, uri: vscode.Uri): Promise<string> {
  const [, run, file] = uri.path.split('/');
  if (file !== name) throw vscode.FileSystemError.FileNotFound(uri);
  const { data } = await engine.request('run/readFile', { run, path: name });
  return Buffer.from(data, 'base64').toString('utf8');
}

export async function openConfig(run: string): Promise<void> {
  const uri = vscode.Uri.from({ scheme: 'sage-run', path: `/${run}/${name}` });
  await vscode.window.showTextDocument(uri, { preview: true, viewColumn: vscode.ViewColumn.Active });
}
