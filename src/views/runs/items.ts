import * as vscode from 'vscode';
import type { RunGlance } from '../../../engine/protocol.ts';
import { bytesText, descriptionOf, labelOf, rewardText, spokenDescription, tooltipOf } from '../../runs/describe.ts';
import { contextOf, fits, kindOf } from '../../runs/kinds.ts';
import { iconOf } from './icons.ts';
import { idOf, type CheckpointNode, type GroupNode, type NoteNode, type RolloutsNode, type TreeNode } from './nodes.ts';

const { Collapsed, None } = vscode.TreeItemCollapsibleState;

function itemOf(node: TreeNode, label: string, state = None): vscode.TreeItem {
  const item = new vscode.TreeItem(label, state);
  item.id = idOf(node);
  return item;
}

function opening(run: string, iteration?: number): vscode.Command {
  const title = vscode.l10n.t('Open Dashboard');
  return { command: 'sage.openDashboard', title, arguments: [{ run, iteration }] };
}

/** A run: status by icon, progress beside its name. */
export function runItem(run: RunGlance): vscode.TreeItem {
  const readable = fits('openDashboard', run);
  const item = itemOf({ kind: 'run', run: run.id }, labelOf(run), readable ? Collapsed : None);
  const words = vscode.l10n;
  item.description = descriptionOf(run, words);
  item.iconPath = iconOf(kindOf(run));
  item.contextValue = contextOf(run);
  // Filled in when it is looked at: it holds how long ago things were.
  item.tooltip = undefined;
  item.accessibilityInformation = { label: spokenDescription(run, words), role: 'treeitem' };
  if (readable) item.command = opening(run.id);
  return item;
}

/** What is shown when the pointer rests on a run: neither links nor commands nor HTML of its names become any. */
export function runTooltip(run: RunGlance): vscode.MarkdownString {
  const text = new vscode.MarkdownString(tooltipOf(run, Date.now(), vscode.l10n));
  text.isTrusted = false;
  text.supportHtml = false;
  return text;
}

export function groupItem(node: GroupNode): vscode.TreeItem {
  const checkpoints = node.kind === 'checkpoints';
  const label = checkpoints ? vscode.l10n.t('Checkpoints') : vscode.l10n.t('Rollouts');
  const item = itemOf(node, label, Collapsed);
  item.iconPath = new vscode.ThemeIcon(checkpoints ? 'archive' : 'device-camera-video');
  item.contextValue = node.kind;
  return item;
}

export function checkpointItem(node: CheckpointNode, ended: boolean): vscode.TreeItem {
  const { valid, reward, bytes, reason, folder } = node.info;
  const item = itemOf(node, vscode.l10n.t('iteration {0}', node.iteration));
  const parts = [...(reward === null ? [] : [vscode.l10n.t('reward {0}', rewardText(reward))]), bytesText(bytes)];
  item.description = valid ? parts.join(' · ') : vscode.l10n.t('not valid: {0}', reason ?? '');
  item.tooltip = valid ? folder : `${folder}\n${reason ?? ''}`;
  item.iconPath = valid
    ? new vscode.ThemeIcon('pass')
    : new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  item.contextValue = valid ? (ended ? 'checkpoint valid' : 'checkpoint') : 'checkpoint damaged';
  return item;
}

export function rolloutsItem(node: RolloutsNode): vscode.TreeItem {
  const item = itemOf(node, vscode.l10n.t('iteration {0}', node.iteration));
  item.iconPath = new vscode.ThemeIcon('play-circle');
  item.contextValue = 'rollouts';
  item.command = opening(node.run, node.iteration);
  item.tooltip = vscode.l10n.t('Open the dashboard with the rollouts of iteration {0}', node.iteration);
  return item;
}

export function noteItem(node: NoteNode): vscode.TreeItem {
  const item = itemOf(node, '');
  item.description = node.text;
  item.tooltip = node.text;
  item.accessibilityInformation = { label: node.text };
  return item;
}
