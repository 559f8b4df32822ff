import type { RunGlance, RunSummary, RunView } from '../../engine/protocol.ts';
import type { Tone } from '../ui/index.ts';
import type { DashboardAction } from './store.ts';

export type Status = NonNullable<RunGlance['status']>;

/** How each status is shown. */
export const statusLooks: Record<Status, { word: string; icon: string; tone: Tone }> = {
  running: { word: 'Running', icon: 'sync', tone: 'active' },
  paused: { word: 'Paused', icon: 'debug-pause', tone: 'warning' },
  stopped: { word: 'Stopped', icon: 'debug-stop', tone: 'neutral' },
  finished: { word: 'Finished', icon: 'pass', tone: 'good' },
  failed: { word: 'Failed', icon: 'error', tone: 'bad' },
  crashed: { word: 'Crashed', icon: 'debug-disconnect', tone: 'bad' },
};

export function statusOf(view: RunView | null, summary: RunSummary | null): Status | null {
  return view?.glance.status ?? summary?.status ?? null;
}

/** Whether a trainer holds the run. */
export function isLive(status: Status | null): boolean {
  return status === 'running' || status === 'paused';
}

/** Why an action makes no sense now; null where it does. */
export function obstacle(
  action: DashboardAction,
  state: {
    status: Status | null;
    trusted: boolean;
    connected: boolean;
    /** Valid ones. */
    checkpoints: number;
    /** The iteration to resume from, where one was chosen: a finished run can be resumed from an earlier one. */
    from?: number;
  },
): string | null {
  const { status, trusted, connected, checkpoints, from } = state;
  const steers = ['pause', 'continue', 'checkpoint', 'stop', 'resume', 'kill'].includes(action);
  if (steers && !trusted) return 'Trust this workspace to start or steer runs.';
  if (action === 'report' && !trusted) return 'Trust this workspace to have a report written.';
  if (!connected) return 'Waiting for the engine.';
  if (action === 'pause' && status !== 'running') return 'The run does not run.';
  if (action === 'continue' && status !== 'paused') return 'The run is not paused.';
  if ((action === 'checkpoint' || action === 'stop' || action === 'kill') && !isLive(status))
    return 'No trainer works on this run.';
  if (action === 'resume' && isLive(status)) return 'A trainer works on this run.';
  if (action === 'resume' && status === 'finished' && from === undefined) return 'The run has done all its iterations.';
  if (action === 'resume' && checkpoints === 0)
    return from === undefined ? 'The run has no valid checkpoint.' : 'The checkpoint is not valid.';
  return null;
}
