import * as vscode from 'vscode';
import type { ParamsOf } from '../../engine/protocol.ts';
import { labelOf } from '../runs/describe.ts';
import { confirm, findRun, requireTrust, type CommandContext, type Handler } from './context.ts';
import { pickRun } from './pick-run.ts';

type Request = ParamsOf<'run/control'>['request'];

async function nameOf(context: CommandContext, run: string): Promise<string> {
  const found = await findRun(context, run);
  return found ? labelOf(found) : run;
}

function titles(): Record<Request, string> {
  return {
    pause: vscode.l10n.t('Pause'),
    continue: vscode.l10n.t('Continue'),
    checkpoint: vscode.l10n.t('Checkpoint Now'),
    stop: vscode.l10n.t('Stop'),
  };
}

function said(request: Request, name: string): string {
  const { t } = vscode.l10n;
  if (request === 'pause') return t('{0} pauses after the iteration that is under way.', name);
  if (request === 'continue') return t('{0} goes on.', name);
  if (request === 'checkpoint') return t('{0} writes a checkpoint after the iteration that is under way.', name);
  return t('{0} writes a checkpoint and stops after the iteration that is under way.', name);
}

function asksFirst(argument: unknown): boolean {
  return !(typeof argument === 'object' && argument !== null && 'confirm' in argument && argument.confirm === false);
}

/** The command that sends a control request. Takes a run; asks before it stops one. */
function control(request: Request): Handler {
  return async (context, argument) => {
    if (!(await requireTrust())) return undefined;
    const picked = await pickRun(context, request, titles()[request], argument);
    if (picked === undefined) return undefined;
    const name = await nameOf(context, picked.run);
    if (request === 'stop' && asksFirst(argument)) {
      const detail = vscode.l10n.t(
        'It finishes the iteration that is under way and writes a checkpoint. It can be resumed from there.',
      );
      const stop = vscode.l10n.t('Stop After This Iteration');
      if (!(await confirm(vscode.l10n.t('Stop {0}?', name), detail, stop))) return undefined;
    }
    const answer = await context.engine.request('run/control', { run: picked.run, request });
    vscode.window.setStatusBarMessage(said(request, name), 8000);
    return answer;
  };
}

export const pause = control('pause');
export const continueRun = control('continue');
export const checkpoint = control('checkpoint');
export const stop = control('stop');

/** Ends a trainer at once, for one that does not answer; asks first. */
export async function killTrainer(context: CommandContext, argument: unknown): Promise<unknown> {
  if (!(await requireTrust())) return undefined;
  const picked = await pickRun(context, 'killTrainer', vscode.l10n.t('Kill Trainer'), argument);
  if (picked === undefined) return undefined;
  const name = await nameOf(context, picked.run);
  const detail = vscode.l10n.t(
    'What was learnt since the newest checkpoint is lost. The run then counts as crashed and can be resumed from that checkpoint. To lose nothing, use Stop.',
  );
  if (!(await confirm(vscode.l10n.t('Kill the trainer of {0}?', name), detail, vscode.l10n.t('Kill'))))
    return undefined;
  return context.engine.request('run/kill', { run: picked.run });
}
