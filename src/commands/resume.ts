import * as vscode from 'vscode';
import type { CheckpointInfo, RunGlance } from '../../engine/protocol.ts';
import { isEngineError } from '../engine/problems.ts';
import { bytesText, labelOf, rewardText } from '../runs/describe.ts';
import { withoutLinks } from '../runs/links.ts';
import { endedInShortage, isShortage, settingsOf } from '../runs/shortage.ts';
import { confirm, requireRun, requireTrust, type CommandContext } from './context.ts';
import { follow } from './follow.ts';
import { pickRun } from './pick-run.ts';

/** What resuming from a checkpoint throws away. */
function discarded(run: RunGlance, from: number): string {
  const { iterations } = run;
  if (iterations <= from) return vscode.l10n.t('Nothing is discarded.');
  if (iterations === from + 1) return vscode.l10n.t('Iteration {0} is discarded.', iterations);
  return vscode.l10n.t('Iterations {0} to {1} are discarded.', from + 1, iterations);
}

async function chooseCheckpoint(context: CommandContext, run: RunGlance): Promise<number | undefined> {
  const { checkpoints } = await context.engine.request('run/checkpoints', { run: run.id });
  const valid = checkpoints.filter((each) => each.valid).toSorted((a, b) => b.iteration - a.iteration);
  if (valid.length === 0) {
    const text = vscode.l10n.t('{0} has no valid checkpoint, so it cannot be resumed. Launch it anew.', labelOf(run));
    void vscode.window.showWarningMessage(text);
    return undefined;
  }
  const items = valid.map((each: CheckpointInfo) => ({
    label: vscode.l10n.t('iteration {0}', each.iteration),
    description: [
      ...(each.reward === null ? [] : [vscode.l10n.t('reward {0}', rewardText(each.reward))]),
      bytesText(each.bytes),
    ].join(' · '),
    detail: discarded(run, each.iteration),
    iconPath: new vscode.ThemeIcon('archive'),
    iteration: each.iteration,
  }));
  const title = vscode.l10n.t('Resume {0} from Checkpoint', labelOf(run));
  const options = {
    title,
    placeHolder: vscode.l10n.t('Choose the checkpoint to go on from'),
    matchOnDescription: true,
  };
  return (await vscode.window.showQuickPick(items, options))?.iteration;
}

function start(context: CommandContext, run: RunGlance, from: number | undefined, overrides: string[]) {
  const title = vscode.l10n.t('Resuming "{0}"', labelOf(run));
  const params = { run: run.id, from, overrides };
  return follow(context, title, (signal) => context.engine.request('run/resume', params, signal));
}

/** Asks for settings that the run shall have from here on; undefined when the person wants none of it. */
async function askSettings(run: RunGlance, why: string): Promise<string[] | undefined> {
  const { t } = vscode.l10n;
  const typed = await vscode.window.showInputBox({
    title: t('Resume {0} with Other Settings', labelOf(run)),
    prompt: t(
      '{0} Values from here on, such as policy.devices=2 or training.micro_batch=1; leave it empty to resume as it was.',
      why,
    ),
    placeHolder: 'policy.activation_checkpointing=true training.micro_batch=1',
    ignoreFocusOut: true,
  });
  return typed === undefined ? undefined : settingsOf(typed);
}

/** Resumes; where memory or GPUs did not suffice, before or now, with what the person chooses instead. */
async function resumeRun(context: CommandContext, run: RunGlance, from?: number): Promise<string | undefined> {
  const lacked = run.status === 'failed' && endedInShortage(run.message);
  let overrides = lacked ? await askSettings(run, vscode.l10n.t('Its memory or GPUs did not suffice.')) : [];
  while (overrides !== undefined) {
    try {
      return await start(context, run, from, overrides);
    } catch (error) {
      if (!isEngineError(error) || !isShortage(error.problem)) throw error;
      overrides = await askSettings(run, withoutLinks(error.problem.message.split('\n', 1)[0]));
    }
  }
  return undefined;
}

/** Resumes from one checkpoint: that of the argument (`{ run, from }`, an item of the tree), or a chosen one; asks first. */
export async function resumeFrom(context: CommandContext, argument: unknown): Promise<string | undefined> {
  if (!(await requireTrust())) return undefined;
  const picked = await pickRun(context, 'resumeFrom', vscode.l10n.t('Resume from Checkpoint'), argument);
  const run = picked && (await requireRun(context, picked.run));
  if (run === undefined) return undefined;
  const from = picked?.iteration ?? (await chooseCheckpoint(context, run));
  if (from === undefined) return undefined;
  const message = vscode.l10n.t('Resume {0} from iteration {1}?', labelOf(run), from);
  if (!(await confirm(message, discarded(run, from), vscode.l10n.t('Resume')))) return undefined;
  return resumeRun(context, run, from);
}

/** Resumes from the newest valid checkpoint, or, when the argument names one, from that. */
export async function resume(context: CommandContext, argument: unknown): Promise<string | undefined> {
  if (!(await requireTrust())) return undefined;
  const picked = await pickRun(context, 'resume', vscode.l10n.t('Resume'), argument);
  if (picked === undefined) return undefined;
  if (picked.iteration !== null) return resumeFrom(context, { run: picked.run, from: picked.iteration });
  const run = await requireRun(context, picked.run);
  return run && resumeRun(context, run);
}
