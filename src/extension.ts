import * as vscode from 'vscode';
import { registerCommands } from './commands/register.ts';
import type { CommandContext } from './commands/context.ts';
import type { Engine } from './engine/engine.ts';
import { lateEngine } from './engine/late.ts';
import type { EnginePolicy } from './engine/policy.ts';
import { defaultHost, localSettings, onEngineSettings, runsFolder } from './engine/settings.ts';
import type { Inside } from './inside.ts';
import { createLanguage } from './language/start.ts';
import { createWatchedRuns, type WatchedRuns } from './runs/watched.ts';
import type { Studio } from './studio.ts';
import { createContextKeys } from './views/context-keys.ts';
import { createNotices } from './views/notices.ts';
import { createPanels } from './views/panels/create.ts';
import { createRunsView, type RunsView } from './views/runs/tree.ts';
import { createStatusBar } from './views/status-bar.ts';

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

interface Views extends vscode.Disposable {
  readonly commands: CommandContext;
  readonly tree: RunsView['tree'];
}

/** What is seen besides panels, and what commands need of it. */
function createViews(studio: Studio & { runs: WatchedRuns }): Views {
  const { context, engine, log, runs } = studio;
  const runsView = createRunsView({ engine, runs, hasPlace: () => runsFolder(context.extensionPath) !== null });
  const commands: CommandContext = {
    ...{ ...studio, runFilter: runsView.filter },
    watchRuns: () => runs.watch(),
    refreshRuns: () => runs.refresh(),
  };
  const views = [
    createContextKeys(studio),
    createStatusBar(studio),
    createNotices(studio),
    createLanguage(context, log),
  ];
  return { commands, tree: runsView.tree, dispose: () => vscode.Disposable.from(runsView, ...views).dispose() };
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
  let views: Views | null = null;
  const show = () => (views ??= createViews({ context, log, engine, runs, panels }));
  // The editor waits for the activation, and nobody waits for these: they come right behind it.
  const soon = setImmediate(show);
  const commands = registerCommands(() => show().commands);
  active = { engine };
  context.subscriptions.push(
    ...[log, engine, runs, panels, restartIfUp, commands],
    new vscode.Disposable(() => {
      clearImmediate(soon);
      views?.dispose();
    }),
  );
  if (context.extensionMode !== vscode.ExtensionMode.Test) return undefined;
  return {
    ...{ engine, runs, serializers: panels.serializers },
    get tree() {
      return show().tree;
    },
    usePolicy: (policy) => void (numbers.policy = policy),
  };
}

/** Ends the engine's process; trainers go on. */
export async function deactivate(): Promise<void> {
  const ending = active?.engine.stop();
  active = null;
  await ending;
}
