import { createEpisode, type Check } from '../check.ts';
import { leastShare } from '../statistics.ts';
import type { Iteration, Trail } from '../trail.ts';
import { countOf, figure, percent, span } from '../wording.ts';

/** Share of groups without a difference in reward above which it is a finding, and above which a problem. */
export const deadShare = { warning: 0.25, problem: 0.75 };
/** Iterations that are looked at, and how many there must be. */
export const deadWindow = { length: 20, fewest: 5 };
/** A share that any run has now and then; the measured one must be surely above it. */
const usualShare = 0.1;

/** Groups and dead ones of the newest iterations. */
export function deadGroupsOf(trail: Trail): { dead: number; groups: number; iterations: readonly Iteration[] } {
  const iterations = trail.recent.slice(-deadWindow.length);
  const perIteration = trail.settings.promptsPerIteration;
  let [dead, groups] = [0, 0];
  for (const event of iterations) {
    // Without the number of groups only an iteration in which no sample has an advantage is known to be dead.
    if (perIteration !== null && perIteration > 0) [dead, groups] = [dead + event.deadGroups, groups + perIteration];
    else [dead, groups] = [dead + (event.advantageAbsMean === 0 ? 1 : 0), groups + 1];
  }
  return { dead: Math.min(dead, groups), groups, iterations };
}

/** Groups in which all videos got the same reward. */
export const deadGroups: Check = (trail) => {
  const episode = createEpisode(deadWindow.length);
  return {
    see(event) {
      if (event.kind === 'iteration') episode.see(event.iteration, event.deadGroups > 0);
    },
    find() {
      const { dead, groups, iterations } = deadGroupsOf(trail);
      const share = groups > 0 ? dead / groups : 0;
      if (iterations.length < deadWindow.fewest || share <= deadShare.warning) return null;
      if (leastShare(dead, groups, 4) <= usualShare) return null;
      const { eta, generations } = trail.settings;
      const [from, to] = [iterations[0].iteration, iterations[iterations.length - 1].iteration];
      return {
        severity: share > deadShare.problem ? 'problem' : 'warning',
        title: `${percent(share)} of the groups teach nothing: all of their videos got the same reward.`,
        evidence: `${dead} of ${groups} groups in ${span(from, to)} (${countOf(iterations.length, 'iteration')}).`,
        why: 'Advantages are differences within a group. A group without any has advantage 0 everywhere: it costs as much as the others and adds nothing to the gradient.',
        remedy: [
          `Explore more: exploration.eta${eta ? ` from ${figure(eta)} to ${figure(1.5 * eta, 2)}` : ' 1.5 times higher'}`,
          `compare more videos: rollout.generations${generations ? ` ${2 * generations}` : ' doubled'}`,
          'choose prompts that are neither always nor never solved; and look at the rollouts: a reward that gives every video the same score cannot be learned from.',
        ].join('; '),
        key: 'exploration.eta',
        ...{ first: Math.min(episode.first(), to), last: Math.min(episode.last(), to), steps: [] },
      };
    },
  };
};
