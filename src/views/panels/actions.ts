/** What the dashboard's buttons do. */
import type { dashboardActions } from '../../../webview/contract/dashboard.ts';

export type DashboardAction = (typeof dashboardActions)[number];

/** The command behind each button. `config` has none: it opens a file. */
export const commandOf = {
  pause: 'sage.pause',
  continue: 'sage.continue',
  checkpoint: 'sage.checkpoint',
  stop: 'sage.stop',
  resume: 'sage.resume',
  kill: 'sage.killTrainer',
  report: 'sage.openReport',
  log: 'sage.openLog',
  reveal: 'sage.revealRunFolder',
  compare: 'sage.compareRuns',
} as const satisfies Record<Exclude<DashboardAction, 'config'>, string>;

/** These only look; the others start or steer a trainer or write, for which the workspace must be trusted. */
const looking: ReadonlySet<DashboardAction> = new Set(['log', 'reveal', 'config', 'compare']);

export function needsTrust(action: DashboardAction): boolean {
  return !looking.has(action);
}

export interface Actions {
  act(action: DashboardAction, iteration?: number): void;
  /** The action that is being carried out and was begun last. */
  readonly busy: DashboardAction | null;
}

/**
 * Carries actions out, each kind once at a time: who has asked to pause may still kill.
 * @param told is called whenever `busy` changes
 */
export function createActions(
  carryOut: (action: DashboardAction, iteration?: number) => PromiseLike<void>,
  told: (busy: DashboardAction | null) => void,
  failed: (action: DashboardAction, error: unknown) => void,
): Actions {
  const open = new Set<DashboardAction>();
  const busy = () => [...open].at(-1) ?? null;
  async function run(action: DashboardAction, iteration?: number): Promise<void> {
    try {
      await carryOut(action, iteration);
    } catch (error) {
      failed(action, error);
    } finally {
      open.delete(action);
      told(busy());
    }
  }
  return {
    act(action, iteration) {
      if (open.has(action)) return;
      open.add(action);
      told(busy());
      void run(action, iteration);
    },
    get busy() {
      return busy();
    },
  };
}
