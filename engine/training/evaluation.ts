import { SageError } from '../errors.ts';
import type { SampledVideo, SampleSpec } from '../policy/policy.ts';
import { meansBeside, type Score } from '../reward/reward.ts';
import type { EvaluationSummary } from '../run/events.ts';
import { streams } from './batch.ts';
import type { TrainerContext } from './context.ts';
import { deviation, mean } from './observe.ts';
import { scoreVideos } from './scoring.ts';
import { totalReward } from './settings.ts';
import { recordEvaluation } from './videos.ts';

/** Videos that are sampled and scored together. */
const chunkVideos = 36;

/** Everything an evaluation samples, in a fixed order: every prompt once, then every prompt a second time, … */
export function evaluationSamples(context: Pick<TrainerContext, 'config' | 'evaluationPrompts'>): SampleSpec[] {
  const { videos_per_prompt, max_videos, seed } = context.config.evaluation;
  const samples: SampleSpec[] = [];
  for (let generation = 0; generation < videos_per_prompt; generation++) {
    context.evaluationPrompts.forEach((prompt, index) => {
      samples.push({ prompt, key: { seed, stream: streams.evaluation, iteration: 0, prompt: index, generation } });
    });
  }
  return samples.slice(0, max_videos);
}

/** What an evaluation found; means over the videos that could be scored. */
export type EvaluationResult = Omit<EvaluationSummary, 'iteration' | 'ceiling'>;

type EvaluationContext = Pick<
  TrainerContext,
  'config' | 'policy' | 'reward' | 'evaluationTable' | 'evaluationPrompts' | 'progress'
> & { /** For the progress alone. */ iteration: number };

/** An evaluation and what it looked at. */
export interface Measurement {
  result: EvaluationResult;
  samples: SampleSpec[];
  videos: SampledVideo[];
  scores: Score[];
  /** Forgets the videos, once those that are wanted were recorded. */
  release(): void;
}

/** Samples the fixed prompts and seeds with the ODE and scores them; changes nothing. */
export async function measure(context: EvaluationContext): Promise<Measurement> {
  const samples = evaluationSamples(context);
  const handles: string[] = [];
  const videos: SampledVideo[] = [];
  const scores: Score[] = [];
  const show = (done: number) =>
    context.progress({ stage: 'evaluate', iteration: context.iteration, done, of: samples.length });
  for (let first = 0; first < samples.length; first += chunkVideos) {
    const part = samples.slice(first, first + chunkVideos);
    const rollout = await context.policy.rollout({
      samples: part,
      table: context.evaluationTable,
      trainedSteps: [],
      guidance: context.config.sampling.guidance,
      trainGuidance: true,
      progress: (done, of) => show(first + Math.floor((part.length * done) / of)),
    });
    handles.push(rollout.handle);
    videos.push(...rollout.videos);
    scores.push(
      ...(await scoreVideos(
        context.reward,
        context.config,
        rollout.videos.map((video, i) => ({ prompt: part[i].prompt, video })),
      )),
    );
    show(videos.length);
  }
  const release = () => handles.forEach((handle) => context.policy.release(handle));
  return { result: summarise(context, scores), samples, videos, scores, release };
}

function summarise(context: EvaluationContext, scores: readonly Score[]): EvaluationResult {
  const scored = scores.filter((score) => score.scored);
  if (scored.length === 0) throw nothingScored(scores);
  const rewards = scored.map((score) => totalReward(context.config, score)!);
  const distances = scored.map((score) => score.distance).filter((value) => value !== null);
  return {
    reward: mean(rewards),
    rewardStd: deviation(rewards),
    components: Object.fromEntries(
      context.reward.components.map((name) => [name, mean(scored.map((score) => score.components[name]))]),
    ),
    ...meansBeside(scored),
    distance: distances.length > 0 ? mean(distances) : null,
    videos: scored.length,
    unscored: scores.length - scored.length,
  };
}

function nothingScored(scores: readonly Score[]): SageError {
  const reason = scores.find((score) => !score.scored)?.reason ?? 'there was no video';
  return new SageError(
    'evaluate/unscored',
    `No video of the evaluation could be scored; the first failure was: ${reason}.`,
    'Look at the reward model; then resume the run from its last checkpoint.',
  );
}

/** Evaluates, records the result and its videos; returns whether it is the best so far. */
export async function evaluate(context: TrainerContext): Promise<boolean> {
  const { state, events } = context;
  const started = performance.now();
  const { result, samples, videos, scores, release } = await measure({ ...context, iteration: state.iteration });
  const best = state.best === null || result.reward > state.best.reward;
  if (best) state.best = { iteration: state.iteration, reward: result.reward };
  state.evaluated = { iteration: state.iteration, reward: result.reward };
  const seconds = (performance.now() - started) / 1000;
  events.append({
    kind: 'evaluation',
    iteration: state.iteration,
    ...result,
    ceiling: context.ceiling,
    best,
    seconds,
  });
  await recordEvaluation(context, samples, videos, scores);
  release();
  context.progress({ stage: 'evaluated', iteration: state.iteration, ...result });
  return best;
}
