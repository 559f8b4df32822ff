import type { RunGlance } from '../../engine/protocol.ts';

/** What a run is at the moment: its status, or that it cannot be read. */
export type RunKind = NonNullable<RunGlance['status']> | 'broken';

export function kindOf(run: RunGlance): RunKind {
  return run.broken !== null || run.status === null ? 'broken' : run.status;
}

/** Properties of runs that commands, menus and context keys ask for. */
export const runTraits = [
  ...(['running', 'paused', 'active', 'ended', 'resumable', 'readable', 'deletable'] as const),
] as const;
export type RunTrait = (typeof runTraits)[number];

const traitsByKind: Record<RunKind, readonly RunTrait[]> = {
  running: ['running', 'active', 'readable'],
  paused: ['paused', 'active', 'readable'],
  stopped: ['ended', 'resumable', 'readable', 'deletable'],
  failed: ['ended', 'resumable', 'readable', 'deletable'],
  crashed: ['ended', 'resumable', 'readable', 'deletable'],
  finished: ['ended', 'readable', 'deletable'],
  broken: ['deletable'],
};

/**
 * `active`: a trainer has it. `ended`: none has, so that it can go on from a checkpoint. `resumable`: ended before its last
 * iteration.
 */
export function traitsOf(run: RunGlance): readonly RunTrait[] {
  return traitsByKind[kindOf(run)];
}

/** What the menus of a run go by: `run`, its status, and its traits. */
export function contextOf(run: RunGlance): string {
  return [...new Set(['run', kindOf(run), ...traitsOf(run)])].join(' ');
}

/** The commands on runs, each with the trait of a run for which it makes sense; null: any run. */
export const commandTraits = {
  pause: 'running',
  continue: 'paused',
  checkpoint: 'active',
  stop: 'active',
  killTrainer: 'active',
  resume: 'resumable',
  resumeFrom: 'ended',
  openDashboard: 'readable',
  compareRuns: 'readable',
  openReport: 'readable',
  revealRunFolder: null,
  openLog: null,
  copyRunId: null,
  copyRunPath: null,
  deleteRun: 'deletable',
} as const satisfies Record<string, RunTrait | null>;
export type RunCommand = keyof typeof commandTraits;

/** Whether a command makes sense for a run. */
export function fits(command: RunCommand, run: RunGlance): boolean {
  const trait = commandTraits[command];
  return trait === null || traitsOf(run).includes(trait);
}

/** Context keys by which commands are enabled. They deny, so that nothing is disabled while runs are not known. */
export function denials(runs: readonly RunGlance[] | null): Record<string, boolean> {
  const none = (trait: RunTrait) => runs !== null && !runs.some((run) => traitsOf(run).includes(trait));
  return {
    'sage.noRuns': runs !== null && runs.length === 0,
    'sage.noneRunning': none('running'),
    'sage.nonePaused': none('paused'),
    'sage.noneActive': none('active'),
    'sage.noneResumable': none('resumable'),
    'sage.noneEnded': none('ended'),
    'sage.noneDeletable': none('deletable'),
    'sage.hasTrained': runs !== null && runs.some((run) => run.iterations > 0),
  };
}
