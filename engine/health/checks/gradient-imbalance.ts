import { createEpisode, type Check } from '../check.ts';
import { imbalanceOf } from '../../run/observables.ts';
import { medianOf } from '../statistics.ts';
import { stepValues, type Trail } from '../trail.ts';
import { figure, span, stepList } from '../wording.ts';

/** Largest over smallest gradient norm of the steps, after the equalizer, from which on it is a finding. */
export const imbalanceLimit = 10;
/** Iterations that are looked at, and how many there must be. */
export const imbalanceWindow = { length: 20, fewest: 10 };

/** The largest over the smallest of the steps' median norms; null with fewer than two steps. */
export function medianImbalance(
  trail: Trail,
  name: 'gradientNorm' | 'gradientNormRaw',
): { ratio: number; norms: { k: number; norm: number }[] } | null {
  const norms = [...stepValues(trail, name, imbalanceWindow.length)]
    .filter(([, values]) => values.length >= imbalanceWindow.fewest / 2)
    .map(([k, values]) => ({ k, norm: medianOf(values)! }))
    .filter(({ norm }) => norm > 0);
  if (norms.length < 2) return null;
  return { ratio: imbalanceOf(norms.map(({ norm }) => norm))!, norms };
}

/** Steps whose gradients differ by an order of magnitude even after the equalizer. */
export const gradientImbalance: Check = (trail) => {
  const episode = createEpisode(imbalanceWindow.length);
  return {
    see(event) {
      if (event.kind !== 'iteration') return;
      const ratio = imbalanceOf(event.steps.map((step) => step.gradientNorm));
      episode.see(event.iteration, ratio !== null && ratio >= imbalanceLimit);
    },
    find() {
      const recent = trail.recent.slice(-imbalanceWindow.length);
      const after = medianImbalance(trail, 'gradientNorm');
      if (recent.length < imbalanceWindow.fewest || !after || after.ratio < imbalanceLimit) return null;
      if (episode.age() > imbalanceWindow.length) return null;
      const before = medianImbalance(trail, 'gradientNormRaw');
      const middle = medianOf(after.norms.map(({ norm }) => norm))!;
      const far = Math.sqrt(imbalanceLimit);
      const strong = after.norms.filter(({ norm }) => norm > far * middle).map(({ k }) => k);
      const weak = after.norms.filter(({ norm }) => norm < middle / far).map(({ k }) => k);
      const which = [
        strong.length > 0 ? `${stepList(strong)} above the others` : '',
        weak.length > 0 ? `${stepList(weak)} below` : '',
      ].filter((part) => part !== '');
      const mode = trail.settings.equalizer;
      return {
        severity: 'warning',
        title: `Some steps pull ${figure(after.ratio, 2)} times as strongly at the weights as others.`,
        evidence: `Largest over smallest gradient norm of the steps in ${span(recent[0].iteration, recent[recent.length - 1].iteration)}: ${before ? `${figure(before.ratio, 2)} before the equalizer, ` : ''}${figure(after.ratio, 2)} after it${mode ? ` (equalizer.mode: ${mode})` : ''}${which.length > 0 ? `; ${which.join(', ')}` : ''}.`,
        why: 'The update follows the steps with the largest gradients; what the others would teach is lost in their noise.',
        remedy: remedyFor(mode),
        key: 'equalizer.mode',
        ...{ first: episode.first(), last: episode.last(), steps: [...strong, ...weak].sort((a, b) => a - b) },
      };
    },
  };
};

function remedyFor(mode: string | null): string {
  if (mode === 'analytic')
    return 'Set equalizer.mode to measured: it follows the norms that are measured, where the analytic ones do not hold. Or leave the steps that stand out away with exploration.window.';
  if (mode === 'measured')
    return 'Lower equalizer.decay (0.7) so that it follows the norms faster, or leave the steps that stand out away with exploration.window.';
  return 'Set equalizer.mode to analytic; if the imbalance stays, to measured.';
}
