import * as vscode from 'vscode';
import type { RunGlance } from '../../../engine/protocol.ts';
import type { ShownTree } from '../../inside.ts';
import { problemOf, problemText } from '../../problems.ts';
import { coalesced } from '../../runs/coalesce.ts';
import { matches } from '../../runs/filter.ts';
import { traitsOf } from '../../runs/kinds.ts';
import type { WatchedRuns } from '../../runs/watched.ts';
import type { Studio } from '../../studio.ts';
import { checkpointItem, groupItem, noteItem, rolloutsItem, runItem, runTooltip } from './items.ts';
import { changedRuns, iterationsIn, type NoteNode, type RunNode, type TreeNode } from './nodes.ts';

/** The tree of runs, and what it is filtered by. */
export interface RunsView extends vscode.Disposable {
  readonly filter: { get(): string; set(filter: string): void };
  /** What it shows, and the text above it. */
  readonly tree: ShownTree;
}

/** Runs are shown anew at most this often. */
const refreshEvery = 300;

interface Viewed extends Pick<Studio, 'engine'> {
  runs: WatchedRuns;
  /** Whether there is a folder that runs could be in. */
  hasPlace(): boolean;
}

async function childrenOf({ engine }: Viewed, node: TreeNode): Promise<TreeNode[]> {
  const { run } = node;
  const note = (of: string, text: string): NoteNode[] => [{ kind: 'note', run, of, text }];
  if (node.kind === 'run')
    return [
      { kind: 'checkpoints', run },
      { kind: 'rollouts', run },
    ];
  try {
    if (node.kind === 'checkpoints') {
      const { checkpoints } = await engine.request('run/checkpoints', { run });
      const newest = checkpoints.toSorted((a, b) => b.iteration - a.iteration);
      const nodes = newest.map((info) => ({ kind: 'checkpoint' as const, run, iteration: info.iteration, info }));
      return nodes.length > 0 ? nodes : note(node.kind, vscode.l10n.t('none yet'));
    }
    if (node.kind === 'rollouts') {
      const { entries } = await engine.request('run/listFiles', { run });
      if (!entries.some(({ name }) => name === 'rollouts')) return note(node.kind, vscode.l10n.t('none yet'));
      const inner = await engine.request('run/listFiles', { run, path: 'rollouts' });
      const nodes = iterationsIn(inner.entries).map((iteration) => ({ kind: 'iteration' as const, run, iteration }));
      return nodes.length > 0 ? nodes : note(node.kind, vscode.l10n.t('none yet'));
    }
  } catch (error) {
    const problem = problemOf(error);
    return problem ? note(node.kind, problemText(problem)) : [];
  }
  return [];
}

/** Resolves when runs are known, or why they are not. Until then the view shows that it is busy. */
function untilKnown({ runs, engine }: Viewed): Promise<void> {
  return new Promise((resolve) => {
    const parts: { dispose(): void }[] = [];
    const look = () => {
      if (runs.all === null && runs.problem === null && engine.state.kind !== 'crashed') return false;
      for (const part of parts) part.dispose();
      resolve();
      return true;
    };
    if (!look()) parts.push(runs.onChange(look), engine.onState(look));
  });
}

/** Runs as a tree data provider; its nodes keep their identity from one list to the next. */
function createProvider(viewed: Viewed, filter: () => string) {
  const { runs } = viewed;
  const nodes = new Map<string, RunNode>();
  const changed = new vscode.EventEmitter<TreeNode[] | undefined>();
  const nodeOf = (id: string): RunNode => {
    const node = nodes.get(id) ?? { kind: 'run', run: id };
    nodes.set(id, node);
    return node;
  };
  let shown: readonly RunGlance[] = [];
  const visible = () => (runs.all ?? []).filter((run) => matches(filter(), run));
  const provider: vscode.TreeDataProvider<TreeNode> = {
    onDidChangeTreeData: changed.event,
    async getChildren(node) {
      if (node !== undefined) return childrenOf(viewed, node);
      if (!viewed.hasPlace()) return [];
      runs.watch();
      await untilKnown(viewed);
      shown = visible();
      for (const id of nodes.keys()) if (runs.get(id) === undefined) nodes.delete(id);
      return shown.map(({ id }) => nodeOf(id));
    },
    getParent: (node) => (node.kind === 'run' ? undefined : nodeOf(node.run)),
    getTreeItem(node) {
      const run = runs.get(node.run);
      if (node.kind === 'run') return run ? runItem(run) : new vscode.TreeItem(node.run);
      if (node.kind === 'checkpoint') return checkpointItem(node, run ? traitsOf(run).includes('ended') : false);
      if (node.kind === 'iteration') return rolloutsItem(node);
      return node.kind === 'note' ? noteItem(node) : groupItem(node);
    },
    resolveTreeItem(item, node) {
      const run = node.kind === 'run' ? runs.get(node.run) : undefined;
      if (run) item.tooltip = runTooltip(run);
      return item;
    },
  };
  const refresh = () => {
    const now = visible();
    const change = changedRuns(shown, now);
    shown = now;
    if (change === 'all') changed.fire(undefined);
    else if (change.length > 0) changed.fire(change.map(nodeOf));
  };
  return { provider, refresh, count: () => shown.length, dispose: () => changed.dispose() };
}

/** Shows the runs in the view `sage.runs`. They are watched as soon as it is visible. */
export function createRunsView(viewed: Viewed): RunsView {
  const { runs, engine } = viewed;
  let filter = '';
  const source = createProvider(viewed, () => filter);
  const view = vscode.window.createTreeView('sage.runs', {
    treeDataProvider: source.provider,
    canSelectMany: true,
    showCollapseAll: true,
  });
  const tell = () => {
    const all = runs.all?.length ?? 0;
    const { kind } = engine.state;
    const lost = runs.all !== null && (kind === 'crashed' || kind === 'backoff');
    const filtered = filter === '' ? [] : [vscode.l10n.t('Filter “{0}”: {1} of {2} runs', filter, source.count(), all)];
    const old = lost ? [vscode.l10n.t('The engine does not run; this is what was last known.')] : [];
    const refused = runs.problem === null ? [] : [problemText(runs.problem)];
    view.message = [...filtered, ...refused, ...old].join('\n') || undefined;
    void vscode.commands.executeCommand('setContext', 'sage.filtered', filter !== '');
  };
  const refresh = coalesced(refreshEvery, () => {
    source.refresh();
    tell();
  });
  const parts = [
    ...[view, source, refresh, runs.onChange(refresh), engine.onState(refresh)],
    view.onDidChangeVisibility(({ visible }) => visible && viewed.hasPlace() && runs.watch()),
  ];
  return {
    filter: {
      get: () => filter,
      set(words) {
        filter = words;
        refresh();
      },
    },
    tree: {
      provider: source.provider,
      get message() {
        return view.message;
      },
    },
    dispose: () => parts.forEach((part) => part.dispose()),
  };
}
