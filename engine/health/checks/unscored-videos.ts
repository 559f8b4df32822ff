import { createEpisode, type Check } from '../check.ts';
import type { RunEvent } from '../../run/events.ts';
import { percent, quoted, span } from '../wording.ts';

/** Share of videos without a reward, over the newest iterations, above which it is a problem. */
export const unscoredProblem = 0.2;
/** Iterations, or evaluations, after which a cured run is well again. */
export const unscoredShownFor = 50;
const mostReasons = 32;

/** Videos that got no reward. */
export const unscoredVideos: Check = (trail) => {
  const episode = createEpisode(unscoredShownFor);
  /** Reasons from videos that were written; where none are, from warnings. */
  const reasons = { written: new Map<string, number>(), warned: new Map<string, number>() };
  let evaluation = { unscored: 0, videos: 0, iteration: 0 };
  return {
    see(event) {
      collectReasons(event, reasons);
      if (event.kind === 'iteration') episode.see(event.iteration, event.unscored > 0);
      if (event.kind === 'evaluation')
        evaluation = { unscored: event.unscored, videos: event.videos, iteration: event.iteration };
    },
    find() {
      const shown = trail.recent.filter(() => episode.age() < unscoredShownFor);
      const unscored = shown.reduce((sum, event) => sum + event.unscored, 0);
      if (unscored === 0 && evaluation.unscored === 0) return null;
      const { promptsPerIteration, generations } = trail.settings;
      const videos = (promptsPerIteration ?? 0) * (generations ?? 0) * shown.length;
      const tried = evaluation.unscored + evaluation.videos;
      const share = Math.max(videos > 0 ? unscored / videos : 0, evaluation.unscored / Math.max(1, tried));
      const reason = commonest(reasons.written) ?? commonest(reasons.warned);
      const [from, to] = [shown.at(0)?.iteration ?? 0, shown.at(-1)?.iteration ?? 0];
      const parts = [
        unscored > 0 ? `${unscored}${videos > 0 ? ` of ${videos}` : ''} rollouts in ${span(from, to)}` : '',
        evaluation.unscored > 0
          ? `${evaluation.unscored} of ${tried} videos of the evaluation at iteration ${evaluation.iteration}`
          : '',
      ];
      const size = share > 0 ? ` (${share < 0.01 ? 'below 1 %' : percent(share)})` : '';
      return {
        severity: share > unscoredProblem ? 'problem' : 'warning',
        title: 'Some videos could not be scored.',
        evidence: `${parts.filter((part) => part !== '').join('; ')}${size} have no reward.${reason ? ` The commonest reason: ${quoted(reason)}` : ''}`,
        why: 'They are left out of their group, never scored 0; the groups become smaller, and where one kind of video fails more often, the reward is measured on the others only.',
        remedy:
          'Read the reason; most often the reward model is out of memory, its weights are missing, or the prompt is not one that it knows. Have the doctor check what reward.model needs.',
        key: 'reward.model',
        first: unscored > 0 ? episode.first() : evaluation.iteration,
        last:
          unscored > 0
            ? Math.max(episode.last(), evaluation.unscored > 0 ? evaluation.iteration : 0)
            : evaluation.iteration,
        steps: [],
      };
    },
  };
};

function collectReasons(event: RunEvent, reasons: Record<'written' | 'warned', Map<string, number>>): void {
  if (event.kind === 'rollouts' || event.kind === 'evaluation_videos') {
    for (const { reward, reason } of event.videos)
      if (reward === null && reason !== undefined) addTo(reasons.written, reason);
  } else if (event.kind === 'warning' && event.code === 'train/unscored-videos') {
    const text = event.message.split('could not be scored: ')[1];
    if (text) addTo(reasons.warned, text);
  }
}

function addTo(counts: Map<string, number>, reason: string): void {
  const short = reason.slice(0, 500);
  if (counts.has(short) || counts.size < mostReasons) counts.set(short, (counts.get(short) ?? 0) + 1);
}

function commonest(counts: ReadonlyMap<string, number>): string | null {
  let most: [string, number] | null = null;
  for (const entry of counts) if (!most || entry[1] > most[1]) most = entry;
  return most?.[0] ?? null;
}
