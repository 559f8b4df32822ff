import * as vscode from 'vscode';
import { problemOf, problemText } from '../problems.ts';
import { labelOf } from '../runs/describe.ts';
import { confirm, requireTrust, type CommandContext } from './context.ts';
import { pickRuns } from './pick-run.ts';

interface Deletable {
  run: string;
  folder: vscode.Uri;
}

/** The folders of those runs that may be removed; says why others may not. */
async function deletable(context: CommandContext, runs: readonly string[]): Promise<Deletable[]> {
  const found: Deletable[] = [];
  for (const run of runs)
    try {
      const { folder } = await context.engine.request('run/deletable', { run });
      found.push({ run, folder: vscode.Uri.file(folder) });
    } catch (error) {
      const problem = problemOf(error);
      if (problem) void vscode.window.showWarningMessage(`${run}: ${problemText(problem)}`);
    }
  return found;
}

function nameOf(context: CommandContext, run: string): string {
  const glance = context.runs.get(run);
  return glance && labelOf(glance) !== run ? `${labelOf(glance)} (${run})` : run;
}

/** Moves folders to the bin; gives those for which there is none. */
async function moveToBin(folders: readonly Deletable[]): Promise<Deletable[]> {
  const left: Deletable[] = [];
  for (const each of folders)
    await vscode.workspace.fs.delete(each.folder, { recursive: true, useTrash: true }).then(
      () => {},
      () => left.push(each),
    );
  return left;
}

/** Deletes runs: to the bin, and where there is none for good, each after a question. Takes runs or the tree's selection. */
export async function deleteRun(context: CommandContext, argument: unknown, selection: unknown): Promise<void> {
  if (!(await requireTrust())) return;
  const { t } = vscode.l10n;
  const question = { title: t('Delete Run'), placeHolder: t('Choose the runs to delete'), fewest: 1 };
  const runs = await pickRuns(context, 'deleteRun', question, argument, selection);
  const folders = runs ? await deletable(context, runs) : [];
  if (folders.length === 0) return;
  const names = (some: readonly Deletable[]) => some.map(({ run }) => nameOf(context, run)).join('\n');
  const message = folders.length === 1 ? t('Delete this run?') : t('Delete these {0} runs?', folders.length);
  const contents = t('Everything is moved to the bin, checkpoints and videos too.');
  if (!(await confirm(message, `${names(folders)}\n\n${contents}`, t('Move to Bin')))) return;
  const left = await moveToBin(folders);
  if (left.length > 0) {
    const detail = `${names(left)}\n\n${t('There is no bin for this place, so this cannot be undone.')}`;
    if (!(await confirm(t('Delete permanently?'), detail, t('Delete Permanently')))) return;
    for (const { folder } of left) await vscode.workspace.fs.delete(folder, { recursive: true, useTrash: false });
  }
}
