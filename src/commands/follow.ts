import * as vscode from 'vscode';
import type { RunEvent } from '../../engine/protocol.ts';
import { labelOf, rewardText } from '../runs/describe.ts';
import { traitsOf } from '../runs/kinds.ts';
import { setting, type CommandContext } from './context.ts';

type Starting = (signal: AbortSignal) => Promise<{ run: string }>;
type Outcome = 'iterated' | 'ended' | 'cancelled';

/** What a run does after an event, for a person who waits for its first iteration. */
function stageAfter(event: RunEvent): string {
  if (event.kind === 'evaluation')
    return vscode.l10n.t('reward before training {0}; first iteration: sampling', rewardText(event.reward));
  if (event.kind === 'rollouts') return vscode.l10n.t('iteration {0}: learning from the rollouts', event.iteration);
  if (event.kind === 'run_resumed') return vscode.l10n.t('resumed from iteration {0}', event.fromIteration);
  return vscode.l10n.t('first iteration: sampling');
}

/** Resolves when the run has done an iteration after `since`, has ended, or the person has had enough. */
async function untilFirstIteration(
  context: CommandContext,
  run: string,
  report: (stage: string) => void,
  token: vscode.CancellationToken,
): Promise<Outcome> {
  const { engine, runs } = context;
  context.watchRuns();
  const since = runs.get(run)?.iterations ?? 0;
  const cleanup: { dispose(): void }[] = [];
  const outcome = new Promise<Outcome>((resolve) => {
    const look = () => {
      const glance = runs.get(run);
      if (glance === undefined) return;
      if (glance.iterations > since) resolve('iterated');
      else if (!traitsOf(glance).includes('active')) resolve('ended');
    };
    cleanup.push(
      runs.onChange(look),
      token.onCancellationRequested(() => resolve('cancelled')),
    );
  });
  const last = new Map<number, RunEvent>();
  let subscription: number | null = null;
  const show = () => {
    const event = subscription === null ? undefined : last.get(subscription);
    if (event) report(stageAfter(event));
  };
  cleanup.push(
    engine.on('run/events', (page) => {
      const event = page.events.at(-1);
      if (event) last.set(page.subscription, event);
      show();
    }),
  );
  try {
    subscription = (await engine.request('run/subscribe', { run })).subscription;
    show();
    return await outcome;
  } finally {
    for (const each of cleanup) each.dispose();
    if (subscription !== null) void engine.request('run/unsubscribe', { subscription }).catch(() => {});
  }
}

/** Asks what cancelling means; the run goes on unless told otherwise. */
async function askAboutRun(run: string): Promise<void> {
  const stop = vscode.l10n.t('Stop the Run');
  const leave = vscode.l10n.t('Leave It in the Background');
  const message = vscode.l10n.t('The run has begun. Stop it after its first iteration, or leave it in the background?');
  const chosen = await vscode.window.showInformationMessage(message, stop, leave);
  if (chosen === stop) await vscode.commands.executeCommand('sage.stop', { run, confirm: false });
}

async function offerDashboard(context: CommandContext, run: string): Promise<void> {
  if (setting<string>('launch.openDashboard', 'ask') !== 'ask' || context.panels.activeRun === run) return;
  const open = vscode.l10n.t('Open Dashboard');
  const always = vscode.l10n.t('Always');
  const glance = context.runs.get(run);
  const name = glance ? labelOf(glance) : run;
  const message = vscode.l10n.t('{0} trains: iteration {1} is done.', name, glance?.iterations ?? 1);
  const chosen = await vscode.window.showInformationMessage(message, open, always);
  if (chosen === undefined) return;
  await context.panels.openDashboard(run);
  if (chosen !== always) return;
  const configuration = vscode.workspace.getConfiguration('sage');
  await configuration.update('launch.openDashboard', 'always', vscode.ConfigurationTarget.Global);
}

async function attend(
  context: CommandContext,
  run: string,
  report: (stage: string) => void,
  token: vscode.CancellationToken,
): Promise<void> {
  if (setting<string>('launch.openDashboard', 'ask') === 'always') await context.panels.openDashboard(run);
  const outcome = await untilFirstIteration(context, run, report, token);
  // Neither question holds up the progress notification, which is to go away now.
  if (outcome === 'cancelled') void askAboutRun(run);
  else if (outcome === 'iterated') void offerDashboard(context, run);
}

/**
 * Starts a trainer and shows its progress until the first iteration is done; then offers the dashboard. Resolves to the
 * run's id as soon as the trainer has begun.
 */
export function follow(context: CommandContext, title: string, start: Starting): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    void vscode.window.withProgress(options, async (progress, token) => {
      const controller = new AbortController();
      const listener = token.onCancellationRequested(() => controller.abort());
      const report = (message: string) => progress.report({ message });
      try {
        report(vscode.l10n.t('starting the trainer'));
        const { run } = await start(controller.signal);
        resolve(run);
        await attend(context, run, report, token);
      } catch (error) {
        reject(error);
      } finally {
        listener.dispose();
      }
    });
  });
}
