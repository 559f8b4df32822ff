import * as vscode from 'vscode';
import { registerCommands } from './commands/register.ts';
import type { Engine } from './engine/engine.ts';
import { lateEngine } from './engine/late.ts';
import { localSettings, onEngineSettings } from './engine/settings.ts';
import { createWatchedRuns } from './runs/watched.ts';
import { lateViews } from './views/late.ts';
import { createPanels } from './views/panels/create.ts';

/** Alive while the extension is: what `deactivate` has to end. */
let active: { engine: Engine } | null = null;

function engineOf(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Engine {
  const { name, version } = context.extension.packageJSON as { name: string; version: string };
  return lateEngine(async () => {
    const [{ createEngine }, { localEngine }] = await Promise.all([
      import('./engine/create.ts'),
      import('./hosts/local.ts'),
    ]);
    const command = async () => localEngine(localSettings(context.extensionPath));
    return createEngine({ command, log, client: { name, version } });
  });
}

/** Wires the extension together; see docs/architecture.md. Loads no code of the engine. */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('SAGE Engine', { log: true });
  const engine = engineOf(context, log);
  const runs = createWatchedRuns(engine);
  const panels = createPanels({ context, log, engine, runs });
  const diagnostics = vscode.languages.createDiagnosticCollection('sage');
  const restartIfUp = onEngineSettings(() => {
    if (engine.state.kind !== 'stopped') void engine.restart().catch((error: unknown) => log.error(String(error)));
  });
  const views = lateViews(async () => {
    const { createViews } = await import('./views/create.ts');
    return createViews({ context, log, engine, runs, panels }, diagnostics);
  });
  // The editor waits for the activation, and nobody waits for these: they come right behind it.
  const soon = setImmediate(() => views.get().catch((error: unknown) => log.error(String(error))));
  const commands = registerCommands(async () => (await views.get()).commands);
  active = { engine };
  context.subscriptions.push(
    ...[log, engine, runs, panels, diagnostics, restartIfUp, commands, views],
    new vscode.Disposable(() => clearImmediate(soon)),
  );
}

/** Ends the engine's process; trainers go on. */
export async function deactivate(): Promise<void> {
  const ending = active?.engine.stop();
  active = null;
  await ending;
}
