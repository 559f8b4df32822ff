import { plannedVideoFiles, timesDue, videosOfEvaluation, type Recurring } from '../../../../engine/config/plan.ts';
import { count, countOf, figure, listOf } from '../figures.ts';
import type { Fact, Here } from './here.ts';

function drawn({ config, prompts }: Here): string | null {
  const known = prompts('prompts');
  if (known === null || known === 0) return null;
  const { prompts_per_iteration: each } = config.rollout;
  const { iterations } = config.training;
  const source = config.prompts;
  const order =
    typeof source === 'object' && !Array.isArray(source) && !source.shuffle ? ' in the order of the file' : '';
  const round = countOf(Math.ceil(known / each), 'iteration');
  const all = each * iterations;
  const drawn = `${countOf(known, 'prompt')}, ${count(each)} an iteration${order}`;
  if (all < known) return `${drawn}: each would be drawn once in ${round}, but the run draws only ${count(all)}.`;
  return `${drawn}: each is drawn once in ${round}, and about ${figure(all / known)} times in the run.`;
}

/** When something comes round: `before training and after every 10 iterations`. */
function moments({ config }: Here, what: Exclude<Recurring, 'videos'>): string {
  const { every } = config[what];
  const { iterations } = config.training;
  if (every === 0 || every >= iterations) return 'before training and after the last iteration';
  const turns = every === 1 ? 'every iteration' : `every ${count(every)} iterations`;
  return iterations % every === 0
    ? `before training and after ${turns}`
    : `before training, after ${turns} and after the last`;
}

function evaluations(here: Here): string {
  const times = timesDue(here.config, 'evaluation');
  return `${countOf(times, 'evaluation')}: ${moments(here, 'evaluation')}.`;
}

function evaluated({ config, prompts }: Here): string | null {
  const known = prompts('evaluation.prompts');
  if (known === null) return null;
  const { videos_per_prompt: each, max_videos: most } = config.evaluation;
  const sampled = videosOfEvaluation(config, known);
  const product = `${countOf(known, 'prompt')} × ${each}`;
  const limit = known * each > most ? `, of ${product} = ${count(known * each)} that max_videos cuts` : ` (${product})`;
  const total = sampled * timesDue(config, 'evaluation');
  return `Each samples ${countOf(sampled, 'video')}${limit}; ${count(total)} in the run.`;
}

/** The iterations of the newest planned checkpoints, ascending. */
function newestPlanned({ checkpoints, training }: Here['config'], most: number): number[] {
  const found = [training.iterations];
  const { every } = checkpoints;
  let next = every === 0 ? 0 : Math.floor((training.iterations - 1) / every) * every;
  for (; found.length < most && next > 0; next -= every) found.push(next);
  if (found.length < most) found.push(0);
  return found.reverse();
}

function keptCheckpoints(here: Here): string {
  const { keep, keep_best } = here.config.checkpoints;
  const planned = timesDue(here.config, 'checkpoints');
  const kept = Math.min(keep, planned);
  const iterations =
    kept <= 6 ? `: after iteration${kept === 1 ? '' : 's'} ${listOf(newestPlanned(here.config, kept))}` : '';
  const best = keep_best
    ? ' The one with the best evaluation is kept too; each new best makes one more, which counts among the newest.'
    : '';
  const newest = kept === 1 ? 'the newest is kept' : `the newest ${count(kept)} are kept`;
  return `${countOf(planned, 'checkpoint')}: ${moments(here, 'checkpoints')}. At the end ${newest}${iterations}.${best}`;
}

function files({ config, prompts }: Here): string | null {
  const known = prompts('evaluation.prompts');
  if (config.videos.every === 0) return 'No video is written.';
  if (known === null) return null;
  const { rollouts, evaluations } = plannedVideoFiles(config, known);
  const [ofRollouts, ofEvaluations] = [timesDue(config, 'videos'), timesDue(config, 'evaluation')];
  const parts = [
    `${count(rollouts)} of rollouts (${countOf(ofRollouts, 'iteration')} × ${count(rollouts / ofRollouts)})`,
    `${count(evaluations)} of evaluations (${count(ofEvaluations)} × ${count(evaluations / ofEvaluations)})`,
  ];
  return `${countOf(rollouts + evaluations, '.mp4 file')} in the whole run: ${parts.join(' and ')}.`;
}

function enlarged({ config: { videos, sampling } }: Here): string | null {
  const [width, height] = [sampling.width * videos.scale, sampling.height * videos.scale];
  if (Math.min(width, height) < 256) return 'It is raised until the shorter side has 256 pixels.';
  return `${sampling.width}×${sampling.height} becomes ${width}×${height} pixels.`;
}

function randomness({ config: { seed, rollout, training, evaluation } }: Here): string {
  const videos = count(rollout.prompts_per_iteration * rollout.generations * training.iterations);
  return `From ${seed} follow the order of the prompts and of replay, and the noise of all ${videos} rollouts; that of evaluations follows from evaluation.seed, ${evaluation.seed}.`;
}

const promptNeeds = ['policy.model', 'prompts', 'rollout.prompts_per_iteration', 'training.iterations'];
const evaluationNeeds = ['policy.model', 'prompts', 'evaluation', 'training.iterations'];
const checkpointNeeds = ['checkpoints', 'training.iterations'];
const videoNeeds = [...evaluationNeeds, 'videos', 'rollout'];

const source: Fact = { needs: promptNeeds, say: (here) => [drawn(here)] };
const evaluation: Fact = { needs: evaluationNeeds, say: (here) => [evaluations(here), evaluated(here)] };
const checkpoint: Fact = { needs: checkpointNeeds, say: (here) => [keptCheckpoints(here)] };
const written: Fact = { needs: videoNeeds, say: (here) => [files(here)] };

const under = (block: string, names: readonly string[], fact: Fact) =>
  Object.fromEntries(names.map((name) => [`${block}.${name}`, fact]));

/** Facts of prompts, evaluations, checkpoints and videos. */
export const outputFacts: Record<string, Fact> = {
  seed: { needs: ['seed', 'rollout', 'training.iterations', 'evaluation.seed'], say: (here) => [randomness(here)] },
  prompts: source,
  ...under('prompts', ['file', 'column', 'shuffle'], source),
  evaluation,
  ...under('evaluation', ['every', 'videos_per_prompt', 'max_videos', 'prompts', 'prompts.file'], evaluation),
  'evaluation.steps': {
    needs: ['policy.model', 'evaluation.steps', 'sampling.steps'],
    say: ({ config: { evaluation, sampling } }) => [
      `${countOf(evaluation.steps ?? sampling.steps, 'step')} of the ODE, without exploration noise.`,
    ],
  },
  checkpoints: checkpoint,
  ...under('checkpoints', ['every', 'keep', 'keep_best'], checkpoint),
  videos: written,
  ...under('videos', ['every', 'per_prompt', 'evaluation'], written),
  'videos.scale': { needs: ['policy.model', 'videos', 'sampling'], say: (here) => [enlarged(here)] },
};
