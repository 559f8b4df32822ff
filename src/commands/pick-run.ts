import * as vscode from 'vscode';
import type { RunGlance } from '../../engine/protocol.ts';
import { labelOf, pickDescription } from '../runs/describe.ts';
import { fits, kindOf, type RunCommand } from '../runs/kinds.ts';
import { iconOf } from '../views/runs/icons.ts';
import { runArguments, type RunArguments } from './arguments.ts';
import { knownRuns, type CommandContext } from './context.ts';

interface RunPick extends vscode.QuickPickItem {
  run: RunGlance;
}

function picksOf(runs: readonly RunGlance[], front: string | null): RunPick[] {
  const now = Date.now();
  const first = runs.filter(({ id }) => id === front);
  return [...first, ...runs.filter(({ id }) => id !== front)].map((run) => ({
    run,
    label: labelOf(run),
    description: pickDescription(run, now, vscode.l10n),
    detail: run.broken ?? run.id,
    iconPath: iconOf(kindOf(run)),
  }));
}

/** The runs for which a command makes sense; says so when there are none. */
async function fitting(context: CommandContext, command: RunCommand): Promise<readonly RunGlance[]> {
  const runs = (await knownRuns(context)).filter((run) => fits(command, run));
  if (runs.length === 0)
    void vscode.window.showInformationMessage(
      context.runs.all?.length === 0
        ? vscode.l10n.t('There are no runs yet. Launch a training first.')
        : vscode.l10n.t('No run is in a state in which this can be done.'),
    );
  return runs;
}

/**
 * The run that a command was called with. Without one, the only run for which the command makes sense, or the one chosen
 * among several; undefined when none was.
 */
export async function pickRun(
  context: CommandContext,
  command: RunCommand,
  title: string,
  argument: unknown,
): Promise<{ run: string; iteration: number | null } | undefined> {
  const { runs, iteration }: RunArguments = runArguments(argument, undefined, context.panels.activeRun);
  if (runs.length > 0) return { run: runs[0], iteration };
  const candidates = await fitting(context, command);
  if (candidates.length <= 1) return candidates.length === 0 ? undefined : { run: candidates[0].id, iteration };
  const picks = picksOf(candidates, context.panels.activeRun);
  const options = { title, placeHolder: vscode.l10n.t('Choose a run'), matchOnDescription: true, matchOnDetail: true };
  const picked = await vscode.window.showQuickPick(picks, options);
  return picked && { run: picked.run.id, iteration };
}

/** As `pickRun`, for commands on several runs. `fewest`: with less than that given, the others are asked for. */
export async function pickRuns(
  context: CommandContext,
  command: RunCommand,
  question: { title: string; placeHolder: string; fewest: number },
  argument: unknown,
  selection: unknown,
): Promise<string[] | undefined> {
  const { runs } = runArguments(argument, selection, context.panels.activeRun);
  if (runs.length >= question.fewest) return runs;
  const candidates = await fitting(context, command);
  if (candidates.length === 0) return undefined;
  const picks = picksOf(candidates, runs[0] ?? context.panels.activeRun);
  const picked = await vscode.window.showQuickPick(
    picks.map((pick) => ({ ...pick, picked: runs.includes(pick.run.id) })),
    { ...question, canPickMany: true, matchOnDescription: true, matchOnDetail: true },
  );
  return picked && picked.length > 0 ? picked.map((pick) => pick.run.id) : undefined;
}
