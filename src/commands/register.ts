import * as vscode from 'vscode';
import type { CommandContext } from './context.ts';
import { commandIds } from './ids.ts';

/**
 * Registers all commands. What they do is loaded when the first of them is called.
 * @param contextOf asked when a command is called
 */
export function registerCommands(contextOf: () => Promise<CommandContext>): vscode.Disposable {
  const registered = commandIds.map((id) =>
    vscode.commands.registerCommand(`sage.${id}`, async (argument?: unknown, selection?: unknown) => {
      const [context, { callCommand }] = await Promise.all([contextOf(), import('./call.ts')]);
      return callCommand(id, context, argument, selection);
    }),
  );
  return vscode.Disposable.from(...registered);
}
