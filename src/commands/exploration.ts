import * as vscode from 'vscode';
import type { CommandContext } from './context.ts';
import { chooseConfig } from './config-files.ts';

/** Opens the panel that shows how a config explores, beside its editor. */
export async function previewExploration(context: CommandContext, argument: unknown): Promise<void> {
  const config = await chooseConfig(argument, {
    title: vscode.l10n.t('Preview Exploration'),
    placeHolder: vscode.l10n.t('Choose the config whose exploration is shown'),
  });
  if (config) await context.panels.openExploration(config);
}
