import * as vscode from 'vscode';
import type { RunGlance } from '../../engine/protocol.ts';
import { labelOf, progressText, rewardText } from '../runs/describe.ts';
import { fits } from '../runs/kinds.ts';
import { withoutLinks } from '../runs/links.ts';
import { endings, type Ending } from '../runs/transitions.ts';
import type { Studio } from '../studio.ts';

type Noticed = Pick<Studio, 'runs' | 'panels'>;

function wanted(name: 'finished' | 'failed'): boolean {
  return vscode.workspace.getConfiguration('sage').get(`notifications.${name}`, true);
}

async function tellFinished(run: RunGlance, { panels }: Noticed): Promise<void> {
  if (!wanted('finished') || panels.activeRun === run.id) return;
  const open = vscode.l10n.t('Open Dashboard');
  const reward = run.reward === null ? '' : ` ${vscode.l10n.t('Its last reward is {0}.', rewardText(run.reward))}`;
  const text = vscode.l10n.t('{0} has finished after {1} iterations.', labelOf(run), run.iterations) + reward;
  if ((await vscode.window.showInformationMessage(text, open)) === open) await panels.openDashboard(run.id);
}

async function tellFailed({ run, how }: Ending, { panels }: Noticed): Promise<void> {
  if (!wanted('failed')) return;
  const { t } = vscode.l10n;
  const name = labelOf(run);
  const text =
    how === 'crashed'
      ? t('The trainer of {0} has died at iteration {1}.', name, progressText(run))
      : t(
          '{0} has failed at iteration {1}: {2}',
          name,
          progressText(run),
          withoutLinks(run.message ?? t('see its log')),
        );
  const [resume, log, open] = [t('Resume'), t('Open Log'), t('Open Dashboard')];
  const resumable = vscode.workspace.isTrusted && fits('resume', run);
  const chosen = await vscode.window.showErrorMessage(text, ...(resumable ? [resume] : []), log, open);
  if (chosen === resume) await vscode.commands.executeCommand('sage.resume', run.id);
  else if (chosen === log) await vscode.commands.executeCommand('sage.openLog', run.id);
  else if (chosen === open) await panels.openDashboard(run.id);
}

/** Says so, once, when a run that was seen running ends. */
export function createNotices(noticed: Noticed): vscode.Disposable {
  let before = noticed.runs.all;
  const subscription = noticed.runs.onChange(() => {
    const after = noticed.runs.all;
    for (const ending of endings(before, after ?? []))
      void (ending.how === 'finished' ? tellFinished(ending.run, noticed) : tellFailed(ending, noticed));
    before = after;
  });
  return vscode.Disposable.from(subscription);
}
