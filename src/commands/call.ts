import { problemOf, showProblem } from '../problems.ts';
import type { CommandContext } from './context.ts';
import { handlers } from './handlers.ts';
import type { CommandId } from './ids.ts';

/** Carries a command out; what goes wrong is shown, and then it resolves to nothing. */
export async function callCommand(
  id: CommandId,
  context: CommandContext,
  argument: unknown,
  selection: unknown,
): Promise<unknown> {
  try {
    return await handlers[id](context, argument, selection);
  } catch (error) {
    const problem = problemOf(error);
    if (problem) void showProblem(problem, context.log);
    return undefined;
  }
}
