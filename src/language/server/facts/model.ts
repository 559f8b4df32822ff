import { count, countOf, figure } from '../figures.ts';
import { kernelNeeds, type Fact, type Here } from './here.ts';

const deviceNeeds = ['policy.devices', 'policy.sequence_parallel', 'rollout'];
const sizeNeeds = ['policy.model', 'sampling.frames', 'sampling.height', 'sampling.width'];

function ranks({ config: { policy, rollout } }: Here): string | null {
  const { devices, sequence_parallel: parallel } = policy;
  const degree = devices / parallel;
  const each = (rollout.prompts_per_iteration * rollout.generations) / degree;
  if (devices === 1 || !Number.isInteger(degree) || !Number.isInteger(each)) return null;
  const shared = parallel === 1 ? '' : ` / ${parallel} a video`;
  const made = `${countOf(devices, 'GPU')}${shared} = ${countOf(degree, 'data-parallel rank')}`;
  return `${made}, each with ${countOf(each, 'video')} of an iteration.`;
}

function passes({ config: { sampling } }: Here): string {
  const branches = sampling.guidance === 1 ? 1 : 2;
  const each = branches === 1 ? 'One forward pass a step' : 'Two forward passes a step';
  return `${each}: ${count(branches * sampling.steps)} for a video of ${countOf(sampling.steps, 'step')}.`;
}

function replayedBranches({ config: { sampling } }: Here): string {
  if (sampling.guidance === 1) return 'No difference: with a guidance of 1 there is no unconditional branch.';
  return sampling.train_guidance
    ? 'A replay costs two forward and two backward passes.'
    : `Videos are sampled with guidance ${sampling.guidance}, but the conditional branch alone is replayed.`;
}

function adapterScale({ config: { policy } }: Here): string | null {
  const { kind, rank, alpha } = policy.adapter;
  if (kind === 'none') return 'No adapter: `policy.adapter.kind` is none.';
  return `The adapter's output is multiplied by alpha / rank = ${figure(alpha)} / ${rank} = ${figure(alpha / rank)}.`;
}

const trained = ({ estimates }: Here) =>
  estimates === null ? null : `${estimates.trained.words} parameters are trained, ${estimates.trained.how}.`;
const tokens = ({ estimates }: Here) => estimates?.tokens.how ?? null;
/** What the whole run needs. */
const wanted = ({ estimates }: Here) =>
  estimates === null
    ? null
    : `Estimated for the run: about ${estimates.seconds.words}, and ${estimates.memory.words} of memory at the peak.`;

const adapter: Fact = { needs: ['policy.model', 'policy.adapter'], say: (here) => [adapterScale(here), trained(here)] };
const devices: Fact = { needs: deviceNeeds, say: (here) => [ranks(here)] };
const model: Fact = {
  needs: ['policy', 'sampling', 'exploration', 'rollout', 'training', 'evaluation'],
  say: (here) => [wanted(here), tokens(here), trained(here)],
};
const size: Fact = { needs: sizeNeeds, say: (here) => [tokens(here)] };

/** Facts of the model and of what it runs on. */
export const modelFacts: Record<string, Fact> = {
  name: {
    needs: ['name'],
    say: ({ config }) => [`Folders of its runs are called \`${config.name}-yyyymmdd-hhmmss\`.`],
  },
  policy: model,
  'policy.model': model,
  'policy.devices': devices,
  'policy.sequence_parallel': devices,
  'policy.adapter': adapter,
  'policy.adapter.kind': { needs: adapter.needs, say: (here) => [trained(here)] },
  'policy.adapter.rank': adapter,
  'policy.adapter.alpha': adapter,
  'sampling.guidance': { needs: [...kernelNeeds, 'sampling.guidance'], say: (here) => [passes(here)] },
  'sampling.train_guidance': { needs: ['sampling.guidance'], say: (here) => [replayedBranches(here)] },
  'sampling.frames': size,
  'sampling.height': size,
  'sampling.width': size,
};
