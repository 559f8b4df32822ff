import * as vscode from 'vscode';
import type { LaunchPlan } from '../../engine/protocol.ts';
import { problemText } from '../problems.ts';
import { chooseConfig, requireDisk, saveIfOpen } from './config-files.ts';
import { requireTrust, setting, type CommandContext } from './context.ts';
import { showErrors } from './config-errors.ts';
import { follow } from './follow.ts';

/** An argument of the command line as a person would type it. */
function shown(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

function planText(plan: LaunchPlan, warnings: readonly string[]): string {
  const { t } = vscode.l10n;
  const { promptsPerIteration: prompts, generations, rolloutsPerIteration: rollouts } = plan;
  return [
    t('Model: {0} ({1}), kernel {2}, reward {3}', plan.model, plan.backend, plan.kernel, plan.reward),
    t('Host: {0}', plan.host),
    t('{0} iterations of {1} rollouts: {2} prompts × {3} generations', plan.iterations, rollouts, prompts, generations),
    t('Runs folder: {0}', plan.runsFolder),
    t('Command: {0}', plan.command.map(shown).join(' ')),
    ...warnings.map((warning) => t('Note: {0}', warning)),
  ].join('\n');
}

/** Shows what will run, and where, and asks. */
async function confirmed(plan: LaunchPlan, warnings: readonly string[]): Promise<boolean> {
  if (!setting('launch.confirm', true)) return true;
  const launch = vscode.l10n.t('Launch');
  const always = vscode.l10n.t("Launch, Don't Ask Again Here");
  const message = vscode.l10n.t('Launch the training "{0}"?', plan.name);
  const options = { modal: true, detail: planText(plan, warnings) };
  const actions = vscode.workspace.workspaceFolders === undefined ? [launch] : [launch, always];
  const chosen = await vscode.window.showInformationMessage(message, options, ...actions);
  if (chosen === always)
    await vscode.workspace
      .getConfiguration('sage')
      .update('launch.confirm', false, vscode.ConfigurationTarget.Workspace);
  return chosen !== undefined;
}

function overridesOf(argument: unknown): string[] {
  const given = typeof argument === 'object' && argument !== null && 'overrides' in argument ? argument.overrides : [];
  return Array.isArray(given) ? given.filter((each) => typeof each === 'string') : [];
}

function alreadyConfirmed(argument: unknown): boolean {
  return typeof argument === 'object' && argument !== null && 'confirm' in argument && argument.confirm === false;
}

/**
 * Trains by a config. Takes a uri, an absolute path, or `{ config, overrides, confirm }`. Resolves to the id of the run as soon
 * as it has begun.
 */
export async function launch(context: CommandContext, argument: unknown): Promise<string | undefined> {
  if (!(await requireTrust())) return undefined;
  const uri = await chooseConfig(argument, {
    title: vscode.l10n.t('Launch Training'),
    placeHolder: vscode.l10n.t('Choose the config to train by'),
  });
  if (uri === undefined || !requireDisk(uri) || !(await saveIfOpen(uri))) return undefined;
  const source = { file: uri.fsPath, overrides: overridesOf(argument) };
  const { diagnostics, plan } = await context.engine.request('config/explain', source);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return void (await showErrors(uri, errors));
  if (plan === null) return undefined;
  if (!alreadyConfirmed(argument) && !(await confirmed(plan, diagnostics.map(problemText)))) return undefined;
  const title = vscode.l10n.t('Training "{0}"', plan.name);
  return follow(context, title, (signal) => context.engine.request('run/launch', source, signal));
}
