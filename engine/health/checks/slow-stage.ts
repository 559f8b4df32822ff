import { createEpisode, type Check } from '../check.ts';
import { medianOf } from '../statistics.ts';
import { stageName, stages, type Stage, type Trail } from '../trail.ts';
import { figure, percent, span } from '../wording.ts';

/** Shares of an iteration's time above which a stage takes too much of it. */
export const outsized: Readonly<Record<Stage, number>> = {
  rollout: 0.9,
  decode: 0.5,
  score: 0.6,
  update: 0.95,
  other: 0.4,
};
/** How many times slower than the run's own usual a stage must have become. */
export const slowdown = 3;
/** Iterations that are looked at, and how many the run must have had. */
export const slowWindow = { length: 10, fewest: 20 };
/** Slowdowns below this many seconds an iteration, or this share of it, do not matter. */
const leastSeconds = 0.2;
const leastShare = 0.15;

/** A stage that takes most of the time, or much more than it did. */
export const slowStage: Check = (trail) => {
  const episode = createEpisode(slowWindow.length);
  /** Sorting the run's times at every iteration would cost more than all else; they hardly change. */
  const cache = { usual: null as ((stage: Stage) => number) | null, next: slowWindow.fewest };
  return {
    see(event) {
      if (event.kind !== 'iteration') return;
      const { seconds } = event;
      if (trail.iterations() >= cache.next) {
        const known = new Map(stages.map((stage) => [stage, usualSeconds(trail)(stage)]));
        cache.usual = (stage) => known.get(stage)!;
        cache.next = Math.ceil(trail.iterations() * 1.25);
      }
      const { usual } = cache;
      episode.see(
        event.iteration,
        stages.some(
          (stage) =>
            seconds[stage] > outsized[stage] * seconds.total ||
            (usual !== null && seconds[stage] > slowdown * usual(stage) && matters(seconds[stage], seconds.total)),
        ),
      );
    },
    find() {
      const recent = trail.recent.slice(-slowWindow.length);
      if (trail.iterations() < slowWindow.fewest || episode.age() >= slowWindow.length) return null;
      const usual = usualSeconds(trail);
      const total = medianOf(recent.map(({ seconds }) => seconds.total))!;
      const now = stages.map((stage) => ({ stage, own: medianOf(recent.map(({ seconds }) => seconds[stage]))! }));
      const slower = now
        .filter(({ stage, own }) => own > slowdown * usual(stage) && matters(own, total))
        .sort((a, b) => b.own - usual(b.stage) - (a.own - usual(a.stage)))[0];
      const large = now.find(({ stage, own }) => total > leastSeconds && own > outsized[stage] * total);
      const found = slower ?? large;
      if (!found) return null;
      const { stage, own } = found;
      const [from, to] = [recent[0].iteration, recent[recent.length - 1].iteration];
      const before = usual(stage);
      return {
        severity: 'warning',
        title: slower
          ? `The ${names[stage]} takes ${figure(own / before, 2)} times as long as it did.`
          : `The ${names[stage]} takes ${percent(own / total)} of the time.`,
        evidence: `Median ${figure(own)} s of ${figure(total)} s an iteration in ${span(from, to)}${slower ? `; ${figure(before)} s before` : ''}.`,
        why: slower
          ? 'Nothing in the method makes an iteration slower with time: something else uses the machine, or something piles up.'
          : 'The other stages wait for it; a run could be done much sooner.',
        remedy: remedyFor(stage, trail, slower !== undefined),
        key: keys[stage],
        ...{ first: episode.first(), last: episode.last(), steps: [] },
      };
    },
  };
};

function matters(own: number, total: number): boolean {
  return own > leastSeconds && own > leastShare * total;
}

/** The lower quartile of a stage's seconds over the run: a slowdown does not raise it until it is most of the run. */
function usualSeconds(trail: Trail): (stage: Stage) => number {
  return (stage) => {
    const sorted = trail.history
      .points(stageName(stage))
      .map(({ y }) => y)
      .sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 4)] ?? 0;
  };
}

const names: Record<Stage, string> = {
  rollout: 'sampling of rollouts',
  decode: 'decoding of videos',
  score: 'scoring by the reward model',
  update: 'replay and update',
  other: 'rest (writing videos, checkpoints, waiting)',
};

const keys: Record<Stage, string> = {
  rollout: 'sampling.steps',
  decode: 'rollout.generations',
  score: 'reward.model',
  update: 'training.steps_per_sample',
  other: 'videos.every',
};

function remedyFor(stage: Stage, { settings }: Trail, slower: boolean): string {
  const { backend, threads, microBatch, videosEvery } = settings;
  const compute =
    backend === 'torch'
      ? 'more GPUs (policy.devices)'
      : `more threads (policy.threads${threads ? `, now ${threads}` : ''})`;
  const own: Record<Stage, string> = {
    rollout: `Give sampling ${compute}, fewer steps (sampling.steps), or smaller videos.`,
    decode: `Give decoding ${compute}, or sample fewer or smaller videos (rollout.generations, sampling.frames).`,
    score: `Give the reward model ${compute}, or score fewer videos an iteration (rollout.generations).`,
    update: `Train fewer steps a sample (training.steps_per_sample, or exploration.window), a larger training.micro_batch${microBatch ? ` (now ${microBatch})` : ''} where memory allows, and ${compute}.`,
    other: `Write videos and checkpoints less often (videos.every${videosEvery ? `, now ${videosEvery}` : ''}; videos.per_prompt; checkpoints.every), and to a faster disk.`,
  };
  return slower ? `Look at what else runs on the machine, at its free memory and disk. ${own[stage]}` : own[stage];
}
