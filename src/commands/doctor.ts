import * as vscode from 'vscode';
import type { Finding } from '../../engine/protocol.ts';
import { inEditor } from '../engine/advice.ts';
import { escapeMarkdown } from '../runs/describe.ts';
import type { CommandContext } from './context.ts';

const scheme = 'sage-doctor';
const page = vscode.Uri.from({ scheme, path: 'SAGE Doctor.md' });
let text = '';
const changed = new vscode.EventEmitter<vscode.Uri>();
let provider: vscode.Disposable | null = null;

const marks: Record<Finding['state'], string> = { ok: '✓', note: 'ℹ', problem: '✗' };

function section(finding: Finding): string {
  const { check, state, detail, remedy } = inEditor(finding);
  const states = { ok: vscode.l10n.t('ok'), note: vscode.l10n.t('note'), problem: vscode.l10n.t('problem') };
  const lines = [`### ${marks[state]} ${escapeMarkdown(check)}: ${states[state]}`, escapeMarkdown(detail)];
  if (remedy) lines.push(`**${vscode.l10n.t('What to do:')}** ${escapeMarkdown(remedy)}`);
  return lines.join('\n\n');
}

function pageOf(findings: readonly Finding[], place: string): string {
  const rank = { problem: 0, note: 1, ok: 2 };
  const problems = findings.filter(({ state }) => state === 'problem').length;
  const summary =
    problems === 0 ? vscode.l10n.t('This machine can train.') : vscode.l10n.t('{0} problems were found.', problems);
  const sorted = findings.toSorted((a, b) => rank[a.state] - rank[b.state]);
  const heading = `# ${vscode.l10n.t('SAGE Doctor')}`;
  return [heading, `${summary} ${escapeMarkdown(place)}`, ...sorted.map(section)].join('\n\n') + '\n';
}

async function show(): Promise<void> {
  provider ??= vscode.workspace.registerTextDocumentContentProvider(scheme, {
    onDidChange: changed.event,
    provideTextDocumentContent: () => text,
  });
  changed.fire(page);
  const shown = vscode.commands.executeCommand('markdown.showPreview', page);
  await shown.then(undefined, () => vscode.window.showTextDocument(page));
}

/** Checks the machine and shows what was found, problems first. Resolves to the findings. */
export async function doctor(context: CommandContext): Promise<readonly Finding[]> {
  const title = vscode.l10n.t('Checking this machine');
  const { findings } = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, () =>
    context.engine.request('engine/doctor', {}),
  );
  const { state } = context.engine;
  const hello = state.kind === 'running' ? state.hello : null;
  text = pageOf(findings, hello ? `${hello.host}, ${hello.platform}, Node ${hello.node}, ${hello.runs.folder}` : '');
  await show();
  return findings;
}
