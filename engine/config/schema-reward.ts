import { z } from 'zod';
import { block, key, metricNames, rewardModelNames } from './key.ts';

/** What a component weighs at most. */
const weightNumber = z.number().min(0).max(1000);

const weight = (component: string, usual: number, description: string) =>
  key(weightNumber.optional(), {
    description: `${description} A component left out keeps its default; 0 leaves it out of the reward.`,
    paper: `w_${component}, reward`,
    equation: 'R = Σ w·r over the components',
    section: 'Rewards and advantages',
    usual,
  });

/** Weight of a component that a user's own reward names. */
export const ownWeight = key(weightNumber, {
  description: 'Weight of a component that the function of `reward.python` gives.',
  usual: 1,
  section: 'Rewards and advantages',
});

const metricValues = {
  clipscore: 'CLIPScore, 100·cos of frames and prompt (CLIP ViT-L/14); reads 77 tokens of the prompt',
  pickscore: 'PickScore, what people prefer of frames for a prompt (CLIP ViT-H/14); reads 77 tokens of the prompt',
};

const model = key(
  z
    .union([z.enum(rewardModelNames), z.array(z.enum(rewardModelNames)).min(1)])
    .nullable()
    .default('shapes-judge'),
  {
    description: 'What scores the videos: one model, or a list of them whose components are added up by their weights.',
    values: {
      'shapes-judge': 'the judge of the Shapes world: VQ, MQ and TA measured from pixels, in [0, 1]',
      videoalign: 'VideoAlign (VideoReward): VQ, MQ and TA on its normalised scale; needs the torch policy',
      ...metricValues,
    },
    models: { 'hunyuan-video-1.5': 'videoalign', 'wan-2.1': 'videoalign' },
    aliases: ['models', 'reward_model', 'reward_models', 'reward_fn'],
  },
);

const weights = z
  .object({
    VQ: weight('VQ', 0.5, 'Visual quality.'),
    MQ: weight('MQ', 0.5, 'Motion quality.'),
    TA: weight('TA', 1, 'Text alignment.'),
    clipscore: weight('clipscore', 1, 'CLIPScore, about 15 to 35; only as a reward model.'),
    pickscore: weight('pickscore', 1, 'PickScore, about 18 to 24; only as a reward model.'),
  })
  .catchall(ownWeight)
  .prefault({})
  .meta({
    description:
      'Weight of each component in the reward R = Σ w·r. With `reward.python`, also of components of your own names.',
  });

const checkpoint = (name: string, released: string) =>
  key(z.string().min(1).nullable().default(null), {
    description: `Where ${name} is loaded from: a folder or a Hugging Face repository.`,
    defaultText: `\`${released}\``,
    torchOnly: true,
  });

const rewardKeys = {
  model,
  python: key(
    z
      .string()
      .regex(/^[^:\n]*[^:\n/\\]\.py:[A-Za-z_]\w*$/)
      .nullable()
      .default(null),
    {
      description:
        'A Python function of your own that scores videos, as `FILE.py:FUNCTION`, the file relative to the config. It stands in place of a reward model, or beside those that `model` names.',
      defaultText: 'none',
      torchOnly: true,
      aliases: ['python_reward', 'custom', 'function', 'reward_function', 'reward_func'],
    },
  ),
  weights,
  held_out: key(z.union([z.enum(metricNames), z.array(z.enum(metricNames))]).default([]), {
    description:
      'Metrics that are measured but not trained on. One that falls while the reward rises shows that the reward is being exploited.',
    values: metricValues,
    defaultText: 'none',
    torchOnly: true,
    aliases: ['heldout', 'metrics', 'eval_metrics', 'watch'],
  }),
  checkpoints: block('Where reward models and metrics are loaded from.', {
    videoalign: checkpoint('VideoAlign', 'KlingTeam/VideoReward'),
    clipscore: checkpoint("CLIPScore's CLIP", 'openai/clip-vit-large-patch14'),
    pickscore: checkpoint('PickScore', 'yuvalkirstain/PickScore_v1'),
  }),
  advantage_clip: key(z.number().positive().max(1000).default(5), {
    description: 'Advantages are clamped to ± this.',
    unit: 'standard deviations',
    paper: 'advantages',
    equation: 'A = (R − mean R) / std R within the group, clamped to ±advantage_clip',
    section: 'Rewards and advantages',
    aliases: ['adv_clip_max', 'advantage_max'],
  }),
};

/** Own names of components are those of a Python reward; without one they are unknown keys. */
export const reward = z
  .strictObject(rewardKeys)
  .superRefine(({ python, weights }, context) => {
    const own = Object.keys(weights).filter((name) => !Object.hasOwn(rewardKeys.weights.unwrap().shape, name));
    if (python === null && own.length > 0)
      context.addIssue({ code: 'unrecognized_keys', keys: own, path: ['weights'], input: weights });
  })
  .prefault({})
  .meta({ description: 'What a video is worth.' });
