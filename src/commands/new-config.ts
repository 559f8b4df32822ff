import * as vscode from 'vscode';
import { configEnding, configOf } from './config-files.ts';
import { confirm, type CommandContext } from './context.ts';

type Preset = { name: string; description: string; text: string };

function embedded({ text }: Preset): boolean {
  return !/^\s*backend:\s*torch\b/m.test(text);
}

async function choosePreset(presets: readonly Preset[], name: string | undefined): Promise<Preset | undefined> {
  const named = presets.find((preset) => preset.name === name);
  if (named !== undefined) return named;
  // First those that run on any machine.
  const items = [...presets.filter(embedded), ...presets.filter((preset) => !embedded(preset))].map((preset) => ({
    label: preset.name,
    detail: preset.description,
    preset,
  }));
  const placeHolder = vscode.l10n.t('Choose a preset to begin with');
  const options = { title: vscode.l10n.t('New Config'), placeHolder, matchOnDetail: true };
  return (await vscode.window.showQuickPick(items, options))?.preset;
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  return vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
}

/** `NAME.sage.yaml` in the folder, or `NAME-2.sage.yaml` and so on where there is such a file already. */
async function freeName(folder: vscode.Uri, name: string): Promise<vscode.Uri> {
  for (let i = 1; ; i++) {
    const uri = vscode.Uri.joinPath(folder, `${name}${i === 1 ? '' : `-${i}`}${configEnding}`);
    if (!(await exists(uri))) return uri;
  }
}

function withEnding(uri: vscode.Uri): vscode.Uri {
  if (uri.path.endsWith(configEnding)) return uri;
  return uri.with({ path: uri.path.replace(/(\.sage)?(\.ya?ml)?$/, '') + configEnding });
}

/** Where to write; asks, and asks again before a file is lost. */
async function chooseTarget(preset: Preset): Promise<vscode.Uri | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const options: vscode.SaveDialogOptions = {
    title: vscode.l10n.t('New Config'),
    saveLabel: vscode.l10n.t('Create'),
    filters: { 'SAGE Config': ['yaml'] },
    defaultUri: folder ? await freeName(folder, preset.name) : undefined,
  };
  const chosen = await vscode.window.showSaveDialog(options);
  if (chosen === undefined) return undefined;
  // The dialog asks about what was typed; what the ending makes of it is asked about here.
  const target = withEnding(chosen);
  return target.path === chosen.path || (await mayWrite(target)) ? target : undefined;
}

async function mayWrite(target: vscode.Uri): Promise<boolean> {
  if (!(await exists(target))) return true;
  const name = target.path.split('/').at(-1)!;
  const detail = vscode.l10n.t('Its content is replaced.');
  return confirm(vscode.l10n.t('"{0}" exists already.', name), detail, vscode.l10n.t('Replace'));
}

function asked(argument: unknown): { preset?: string; target?: vscode.Uri } {
  if (typeof argument === 'string') return { preset: argument };
  if (typeof argument !== 'object' || argument === null || argument instanceof vscode.Uri) return {};
  const preset = 'preset' in argument && typeof argument.preset === 'string' ? argument.preset : undefined;
  return { preset, target: configOf('target' in argument ? argument.target : undefined) };
}

/** Writes a config from a preset and opens it. Takes the name of a preset, or `{ preset, target }`. */
export async function newConfig(context: CommandContext, argument: unknown): Promise<vscode.Uri | undefined> {
  const { preset: name, target: given } = asked(argument);
  const { presets } = await context.engine.request('config/presets', {});
  const preset = await choosePreset(presets, name);
  if (preset === undefined) return undefined;
  const target = given ?? (await chooseTarget(preset));
  if (target === undefined || (given !== undefined && !(await mayWrite(given)))) return undefined;
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(preset.text));
  await vscode.window.showTextDocument(target, { preview: false });
  return target;
}
