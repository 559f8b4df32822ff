import * as vscode from 'vscode';
import { registerCommands } from './commands/register.ts';
import type { Engine } from './engine/engine.ts';
import { lateEngine } from './engine/late.ts';
import type { EnginePolicy } from './engine/policy.ts';
import { defaultHost, localSettings, onEngineSettings } from './engine/settings.ts';
import type { Inside } from './inside.ts';
import { createWatchedRuns } from './runs/watched.ts';
import { lateViews } from './views/late.ts';
import { createPanels } from './views/panels/create.ts';

/** Alive while the extension is: what `deactivate` has to end. */
let active: { engine: Engine } | null = null;

type Numbers = { policy?: EnginePolicy };

function engineOf(context: vscode.ExtensionContext, log: vscode.LogOutputChannel, numbers: Numbers): Engine {
  const { name, version } = context.extension.packageJSON as { name: string; version: string };
  return lateEngine(async () => {
    const [{ createEngine }, { engineOn }] = await Promise.all([
      import('./engine/create.ts'),
      import('./hosts/hosts.ts'),
    ]);
    const command = async () => engineOn(defaultHost(), localSettings(context.extensionPath));
    return createEngine({ command, log, client: { name, version }, ...numbers });
  });
}

/** Wires the extension together; see docs/architecture.md. Loads no code of the engine. Gives nothing but to suites. */
export function activate(context: vscode.ExtensionContext): Inside | undefined {
  const log = vscode.window.createOutputChannel('SAGE Engine', { log: true });
  const numbers: Numbers = {};
  const engine = engineOf(context, log, numbers);
  const runs = createWatchedRuns(engine);
  const panels = createPanels({ context, log, engine, runs });
  const restartIfUp = onEngineSettings(() => {
    if (engine.state.kind !== 'stopped') void engine.restart().catch((error: unknown) => log.error(String(error)));
  });
  const views = lateViews(async () => {
    const { createViews } = await import('./views/create.ts');
    return createViews({ context, log, engine, runs, panels });
  });
  // The editor waits for the activation, and nobody waits for these: they come right behind it.
  const soon = setImmediate(() => views.get().catch((error: unknown) => log.error(String(error))));
  const commands = registerCommands(async () => (await views.get()).commands);
  active = { engine };
  context.subscriptions.push(
    ...[log, engine, runs, panels, restartIfUp, commands, views],
    new vscode.Disposable(() => clearImmediate(soon)),
  );
  if (context.extensionMode !== vscode.ExtensionMode.Test) return undefined;
  return {
    ...{ engine, runs, serializers: panels.serializers },
    tree: async () => (await views.get()).tree,
    usePolicy: (policy) => void (numbers.policy = policy),
  };
}

/** Ends the engine's process; trainers go on. */
export async function deactivate(): Promise<void> {
  const ending = active?.engine.stop();
  active = null;
  await ending;
}
