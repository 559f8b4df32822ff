import type { CheckpointInfo, RunGlance } from '../../../engine/protocol.ts';

/** What the tree of runs is made of. Commands take them as arguments: see `runArguments`. */
export type RunNode = { kind: 'run'; run: string };
export type GroupNode = { kind: 'checkpoints' | 'rollouts'; run: string };
export type CheckpointNode = { kind: 'checkpoint'; run: string; iteration: number; info: CheckpointInfo };
export type RolloutsNode = { kind: 'iteration'; run: string; iteration: number };
/** A line that says why there is nothing. */
export type NoteNode = { kind: 'note'; run: string; of: string; text: string };
export type TreeNode = RunNode | GroupNode | CheckpointNode | RolloutsNode | NoteNode;

/** Stays the same for the same thing, so that selection and expansion survive a refresh. */
export function idOf(node: TreeNode): string {
  if (node.kind === 'run') return node.run;
  if (node.kind === 'checkpoint' || node.kind === 'iteration') return `${node.run}/${node.kind}/${node.iteration}`;
  return node.kind === 'note' ? `${node.run}/note/${node.of}` : `${node.run}/${node.kind}`;
}

/** The iterations that folders of `rollouts/` are named after, newest first. */
export function iterationsIn(entries: readonly { name: string; kind: string }[]): number[] {
  const named = entries.filter(({ name, kind }) => kind === 'folder' && /^\d{6,}$/.test(name));
  return named.map(({ name }) => Number(name)).sort((a, b) => b - a);
}

/**
 * What of the tree has to be shown anew between two lists: all of it when runs came, went or moved, else the runs that look
 * different or have something new below them.
 */
export function changedRuns(before: readonly RunGlance[], after: readonly RunGlance[]): 'all' | string[] {
  const same = before.length === after.length && before.every((run, i) => run.id === after[i].id);
  if (!same) return 'all';
  return after.filter((run, i) => JSON.stringify(run) !== JSON.stringify(before[i])).map(({ id }) => id);
}
