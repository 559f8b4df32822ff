import * as vscode from 'vscode';
import { localSettings } from '../engine/settings.ts';
import { localEngine } from '../hosts/local.ts';
import { requireTrust, type CommandContext } from './context.ts';

/** The arguments of `sage-grpo setup-torch` for the PyTorch that is wanted; undefined when nothing was chosen. */
async function askBuild(): Promise<readonly string[] | undefined> {
  const builds = [
    {
      label: vscode.l10n.t('For NVIDIA GPUs'),
      detail: vscode.l10n.t('PyTorch with CUDA, to train video generators; takes about 10 GB'),
      argv: [],
    },
    {
      label: vscode.l10n.t('For the CPU'),
      detail: vscode.l10n.t('Enough for Shapes and for trying things out; takes about 2 GB'),
      argv: ['--cpu'],
    },
  ];
  const placeHolder = vscode.l10n.t('Which PyTorch is to be installed on this machine?');
  return (await vscode.window.showQuickPick(builds, { placeHolder }))?.argv;
}

/**
 * Installs PyTorch and its companions in a terminal that stays open. Takes arguments of `sage-grpo setup-torch`; without
 * them, asks. Resolves to the exit code; undefined when it was not begun or was closed.
 */
export async function setupTorch(context: CommandContext, argument: unknown): Promise<number | undefined> {
  if (!(await requireTrust())) return undefined;
  const given = Array.isArray(argument) && argument.every((word) => typeof word === 'string') ? argument : null;
  const argv = given ?? (await askBuild());
  if (argv === undefined) return undefined;
  const { executable, argv: served, env, cwd } = localEngine(localSettings(context.context.extensionPath));
  // What the editor sets for itself, its terminals leave out anyway.
  const variables = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => !!entry[1]));
  const execution = new vscode.ProcessExecution(executable, [served[0], 'setup-torch', ...argv], {
    cwd,
    env: variables,
  });
  const task = new vscode.Task({ type: 'process' }, vscode.TaskScope.Global, 'Set Up PyTorch', 'SAGE', execution);
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true };
  return run(task);
}

async function run(task: vscode.Task): Promise<number | undefined> {
  const listeners: vscode.Disposable[] = [];
  try {
    return await new Promise((resolve, reject) => {
      let execution: vscode.TaskExecution | null = null;
      listeners.push(
        vscode.tasks.onDidEndTaskProcess((event) => {
          if (event.execution === execution) resolve(event.exitCode);
        }),
        // A process that could not be started has no end, but its task has.
        vscode.tasks.onDidEndTask((event) => {
          if (event.execution === execution) setTimeout(() => resolve(undefined), 1000);
        }),
      );
      vscode.tasks.executeTask(task).then((started) => (execution = started), reject);
    });
  } finally {
    for (const listener of listeners) listener.dispose();
  }
}
