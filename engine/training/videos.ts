import path from 'node:path';
import { isDue } from '../config/plan.ts';
import type { SampledVideo, SampleSpec } from '../policy/policy.ts';
import type { Score } from '../reward/reward.ts';
import type { VideoEntry } from '../run/events.ts';
import { iterationName } from '../run/folder.ts';
import type { Batch } from './batch.ts';
import type { TrainerContext } from './context.ts';
import { totalReward } from './settings.ts';

/** Folder of an iteration's videos inside the run folder, e.g. `rollouts/000012`. */
function iterationFolder(kind: 'rollouts' | 'evaluations', iteration: number): string {
  return `${kind}/${iterationName(iteration)}`;
}

/** Queues the videos of an iteration for writing, when it is one of those to be looked at, and logs them. */
export async function recordRollouts(
  context: TrainerContext,
  iteration: number,
  batch: Batch,
  videos: readonly SampledVideo[],
  scores: readonly Score[],
  rewards_N: readonly (number | null)[],
  advantages_N: readonly (number | null)[],
): Promise<void> {
  if (!isDue(context.config, 'videos', iteration)) return;
  const { per_prompt } = context.config.videos;
  const folder = iterationFolder('rollouts', iteration);
  const chosen = videos
    .map((_, i) => i)
    .filter((i) => per_prompt === null || batch.samples[i].key.generation < per_prompt);
  const entries = chosen.map((i) =>
    entry(batch.samples[i], batch.promptIndices[i], scores[i], rewards_N[i], advantages_N[i]),
  );
  await write(
    context,
    folder,
    entries,
    chosen.map((i) => videos[i]),
  );
  context.events.append({ kind: 'rollouts', iteration, folder, videos: entries });
}

/** Queues some of the evaluation's videos, the same prompts and seeds every time, and logs them. */
export async function recordEvaluation(
  context: TrainerContext,
  samples: readonly SampleSpec[],
  videos: readonly SampledVideo[],
  scores: readonly Score[],
): Promise<void> {
  const { config, state } = context;
  const count = Math.min(config.videos.evaluation, samples.length);
  if (count === 0 || config.videos.every === 0) return;
  const folder = iterationFolder('evaluations', state.iteration);
  // Evenly over the set, so that every kind of prompt is seen.
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * samples.length) / count));
  const entries = chosen.map((i) =>
    entry(samples[i], samples[i].key.prompt, scores[i], totalReward(config, scores[i]), null),
  );
  await write(
    context,
    folder,
    entries,
    chosen.map((i) => videos[i]),
  );
  context.events.append({ kind: 'evaluation_videos', iteration: state.iteration, folder, videos: entries });
}

function entry(
  sample: SampleSpec,
  promptIndex: number,
  score: Score,
  reward: number | null,
  advantage: number | null,
): VideoEntry {
  const { prompt, generation } = sample.key;
  const name = `p${String(prompt).padStart(2, '0')}-g${generation}`;
  return {
    file: `${name}.mp4`,
    poster: `${name}.png`,
    prompt: sample.prompt,
    promptIndex,
    generation,
    seedKey: sample.key,
    reward,
    advantage,
    components: score.scored ? score.components : null,
    ...(score.scored ? besideOf(score) : {}),
    distance: score.scored ? score.distance : null,
    ...(score.scored ? {} : { reason: score.reason }),
  };
}

/** What was measured beside the components; nothing where nothing was. */
function besideOf({ raw, heldOut, notes }: Extract<Score, { scored: true }>): Partial<VideoEntry> {
  return { ...(raw && { raw }), ...(heldOut && { heldOut }), ...(notes?.length && { notes }) };
}

async function write(
  context: TrainerContext,
  folder: string,
  entries: readonly VideoEntry[],
  videos: readonly SampledVideo[],
): Promise<void> {
  await context.videos.ready();
  await context.videos.enqueue(
    entries.map(({ file, poster }, i) => ({
      video: videos[i],
      file: path.join(context.runFolder, folder, file),
      poster: path.join(context.runFolder, folder, poster),
      scale: context.config.videos.scale,
    })),
  );
}
