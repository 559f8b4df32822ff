import { createEpisode, type Check } from '../check.ts';
import { medianOf } from '../statistics.ts';
import { meanOver, stepValues } from '../trail.ts';
import { figure, percent, span, stepList } from '../wording.ts';

/** Share of clipped samples, over all steps or at one, above which it is a finding. */
export const clipShare = { all: 0.4, step: 0.75 };
/** Iterations that are looked at, and how many there must be. */
export const clipWindow = { length: 20, fewest: 10 };

/** Clip fractions of the newest iterations: the median of their means, and the steps that clip much. */
export const clipFraction: Check = (trail) => {
  const episode = createEpisode(clipWindow.length);
  return {
    see(event) {
      if (event.kind !== 'iteration') return;
      const share = meanOver(event, 'clipFraction');
      const single = event.steps.some((step) => step.clipFraction !== null && step.clipFraction > clipShare.step);
      episode.see(event.iteration, single || (share !== null && share > clipShare.all));
    },
    find() {
      const recent = trail.recent.slice(-clipWindow.length);
      if (recent.length < clipWindow.fewest) return null;
      const means = recent.map((event) => meanOver(event, 'clipFraction')).filter((value) => value !== null);
      const overall = medianOf(means) ?? 0;
      const byStep = [...stepValues(trail, 'clipFraction', clipWindow.length)]
        .filter(([, values]) => values.length >= clipWindow.fewest / 2)
        .map(([k, values]) => ({ k, share: medianOf(values)! }));
      const tooHigh = overall > clipShare.all;
      const steps = byStep.filter(({ share }) => share > (tooHigh ? clipShare.all : clipShare.step));
      if (!tooHigh && steps.length === 0) return null;
      const worst = steps.reduce((most, step) => (step.share > most.share ? step : most), { k: 0, share: 0 });
      const { learningRate, clipRange } = trail.settings;
      const detail = steps.length > 0 ? `; highest at step ${worst.k}: ${percent(worst.share)}` : '';
      const ks = steps.map(({ k }) => k);
      return {
        severity: 'warning',
        title: tooHigh
          ? `${percent(overall)} of the samples are clipped and give no gradient.`
          : `Most samples are clipped at ${stepList(ks)}.`,
        evidence: `Median clip fraction over the steps ${percent(overall)} in ${span(recent[0].iteration, recent[recent.length - 1].iteration)}${detail}${clipRange ? `; training.clip_range is ${figure(clipRange)}` : ''}.`,
        why: 'A sample whose ratio has left 1 ± clip_range in the direction of its advantage has no gradient: the policy moves farther within an iteration than it may, and the later updates work with the few samples that are left.',
        remedy: `Lower training.learning_rate${learningRate ? ` (to ${figure(learningRate / 2, 2)})` : ' by half'}, or make fewer updates of an iteration with a higher training.accumulation. A wider training.clip_range${clipRange ? ` (${figure(3 * clipRange, 2)})` : ''} allows larger moves, which are less to be trusted.`,
        key: 'training.learning_rate',
        ...{ first: episode.first(), last: episode.last(), steps: ks },
      };
    },
  };
};
