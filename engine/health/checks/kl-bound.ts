import { createEpisode, type Check } from '../check.ts';
import { medianOf } from '../statistics.ts';
import { meanOver, type Iteration } from '../trail.ts';
import { figure, percent, span } from '../wording.ts';

/** Iterations for which β must have stood at its bound. */
export const boundWindow = 20;
/** Of these, how many must have had a KL off its target. */
const mostOfThem = 0.8;
/** The controller acts above and below these multiples of the target. */
const high = 1.5;
const low = 0.5;

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.abs(b);

/**
 * β at the end of its range while the KL asks for more. At its lower end with a KL below the target nothing is wrong:
 * the policy keeps near its anchor by itself.
 */
export const klBound: Check = (trail) => {
  const { controller, betaMinimum, betaWeight, klTarget, anchorMode } = trail.settings;
  const observed = (event: Iteration) => meanOver(event, anchorMode === 'none' ? 'klStep' : 'klAnchor');
  const episode = createEpisode(1);
  const boundOf = (event: Iteration): 'highest' | 'lowest' | null => {
    if (klTarget === null || betaWeight === null || betaMinimum === null || near(betaMinimum, betaWeight)) return null;
    const kl = observed(event);
    if (kl === null) return null;
    if (near(event.beta, betaWeight) && kl > high * klTarget) return 'highest';
    if (near(event.beta, betaMinimum) && kl > high * klTarget) return 'lowest';
    // The released controller raises β where the KL is small.
    return controller === 'released' && near(event.beta, betaWeight) && kl < low * klTarget ? 'highest' : null;
  };
  return {
    see(event) {
      if (event.kind === 'iteration') episode.see(event.iteration, boundOf(event) !== null);
    },
    find() {
      if (controller !== 'adaptive' && controller !== 'released') return null;
      const recent = trail.recent.slice(-boundWindow);
      const bounds = recent.map(boundOf);
      const held = bounds.filter((bound) => bound !== null);
      if (recent.length < boundWindow || held.length < mostOfThem * boundWindow) return null;
      const bound = held.filter((one) => one === 'highest').length * 2 > held.length ? 'highest' : 'lowest';
      const kl = medianOf(recent.map(observed).filter((value) => value !== null)) ?? 0;
      const beta = recent[recent.length - 1].beta;
      const [from, to] = [recent[0].iteration, recent[recent.length - 1].iteration];
      return {
        severity: 'warning',
        title:
          kl < klTarget!
            ? 'β stands at its highest value although the policy hardly moves: the trust region only brakes.'
            : `β stands at its ${bound} value and the KL divergence stays above its target: the trust region does not hold the policy.`,
        evidence: `β ${figure(beta)} (${bound === 'highest' ? 'trust_region.beta.weight' : 'trust_region.beta.minimum'}) in ${percent(held.length / recent.length)} of ${span(from, to)}; median KL ${figure(kl)}, trust_region.beta.target ${figure(klTarget!)}.`,
        why: 'At the end of its range the controller can no longer answer: β is then a constant, and not the one that was meant.',
        remedy: remedyFor(controller, kl < klTarget!, betaWeight!, kl),
        key: controller === 'released' ? 'trust_region.beta.controller' : 'trust_region.beta.weight',
        ...{ first: Math.min(episode.first(), from), last: to, steps: [] },
      };
    },
  };
};

function remedyFor(controller: string, small: boolean, weight: number, kl: number): string {
  if (controller === 'released')
    return 'Set trust_region.beta.controller to adaptive: the released one turns the wrong way, down where the KL is too high and up where it is small.';
  if (small) return 'Lower trust_region.beta.weight.';
  return `Raise trust_region.beta.weight to ${figure(10 * weight, 2)}, refresh the anchor more often (a smaller trust_region.anchor.interval), or lower training.learning_rate. If videos stay good at this distance, set trust_region.beta.target to ${figure(kl, 2)}.`;
}
