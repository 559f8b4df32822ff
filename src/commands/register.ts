import * as vscode from 'vscode';
import { problemOf, showProblem } from '../problems.ts';
import type { CommandContext } from './context.ts';
import { commandIds } from './ids.ts';

/**
 * Registers all commands. What they do is loaded when the first of them is called; what goes wrong is shown.
 * @param contextOf asked when a command is called
 */
export function registerCommands(contextOf: () => CommandContext): vscode.Disposable {
  const registered = commandIds.map((id) =>
    vscode.commands.registerCommand(`sage.${id}`, async (argument?: unknown, selection?: unknown) => {
      const context = contextOf();
      try {
        const { handlers } = await import('./handlers.ts');
        return await handlers[id](context, argument, selection);
      } catch (error) {
        const problem = problemOf(error);
        if (problem) void showProblem(problem, context.log);
        return undefined;
      }
    }),
  );
  return vscode.Disposable.from(...registered);
}
