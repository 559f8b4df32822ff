import { healthCodes, type HealthFinding } from '../protocol/view.ts';
import type { RunEvent } from '../run/events.ts';
import type { CurrentStatus } from '../run/folder.ts';
import type { Check } from './check.ts';
import { clipFraction } from './checks/clip-fraction.ts';
import { deadGroups } from './checks/dead-groups.ts';
import { driftAccelerating } from './checks/drift-accelerating.ts';
import { firstReplayRatio } from './checks/first-replay-ratio.ts';
import { gradientImbalance } from './checks/gradient-imbalance.ts';
import { klBound } from './checks/kl-bound.ts';
import { notFinite } from './checks/not-finite.ts';
import { oneComponent } from './checks/one-component.ts';
import { rewardFlat } from './checks/reward-flat.ts';
import { rewardHacking } from './checks/reward-hacking.ts';
import { slowStage } from './checks/slow-stage.ts';
import { trainerDied } from './checks/trainer-died.ts';
import { unscoredVideos } from './checks/unscored-videos.ts';
import { isSound } from './sound.ts';
import { createTrail } from './trail.ts';

/** Every disease that is looked for. docs/health.md describes them. */
const checks: Record<HealthFinding['code'], Check> = {
  'health/not-finite': notFinite,
  'health/first-replay-ratio': firstReplayRatio,
  'health/reward-hacking': rewardHacking,
  'health/trainer-died': trainerDied,
  'health/drift-accelerating': driftAccelerating,
  'health/unscored-videos': unscoredVideos,
  'health/dead-groups': deadGroups,
  'health/reward-flat': rewardFlat,
  'health/one-component': oneComponent,
  'health/gradient-imbalance': gradientImbalance,
  'health/clip-fraction': clipFraction,
  'health/kl-bound': klBound,
  'health/slow-stage': slowStage,
};

/** Findings about one run. A resume, which cuts the log back, begins a new one. */
export interface Health {
  /** Takes the events of a run, in order. One that lacks what the checks read is passed over. */
  add(event: RunEvent): void;
  /**
   * What is wrong with the run now, problems before warnings, and of each kind the worst first.
   * @param status of the run; null when it is not known
   */
  findings(status: CurrentStatus | null): HealthFinding[];
}

/**
 * Begins to watch a run. Memory does not grow with its length.
 * @param config the resolved config as run.json has it; keys that it lacks are done without
 */
export function createHealth(config: Record<string, unknown>): Health {
  const { trail, add } = createTrail(config);
  const watches = healthCodes.map((code) => ({ code, ...checks[code](trail) }));
  let known: { status: CurrentStatus | null; findings: HealthFinding[] } | null = null;
  return {
    add(event) {
      if (!isSound(event)) return;
      known = null;
      add(event);
      for (const watch of watches) watch.see?.(event);
    },
    findings(status) {
      if (known?.status !== status || known === null) {
        const found = watches.flatMap(({ code, find }) => {
          const finding = find(status);
          return finding ? [{ code, ...finding }] : [];
        });
        const problems = found.filter(({ severity }) => severity === 'problem');
        known = { status, findings: [...problems, ...found.filter(({ severity }) => severity !== 'problem')] };
      }
      return structuredClone(known.findings);
    },
  };
}
