import * as vscode from 'vscode';
import { denials } from '../runs/kinds.ts';
import type { Studio } from '../studio.ts';

/** Keeps the context keys by which commands, menus and welcome texts go up to date. */
export function createContextKeys({ runs, engine }: Pick<Studio, 'runs' | 'engine'>): vscode.Disposable {
  const known = new Map<string, unknown>();
  const set = () => {
    for (const [key, value] of Object.entries({ ...denials(runs.all), 'sage.engine': engine.state.kind })) {
      if (known.get(key) === value) continue;
      known.set(key, value);
      void vscode.commands.executeCommand('setContext', key, value);
    }
  };
  set();
  return vscode.Disposable.from(runs.onChange(set), engine.onState(set));
}
