import { z } from 'zod';
import { block, key, type KeyMeta } from './key.ts';

/** `all`, a list of prompts, or a file of them. */
const promptSource = z.union([
  z.literal('all'),
  z.array(z.string()).min(1),
  z.strictObject({
    file: key(z.string().min(1), {
      description: 'Prompt file, relative to the config: .txt (one a line), .csv or .jsonl.',
      aliases: ['path'],
    }),
    column: key(z.string().min(1).default('prompt'), {
      description: 'Column of a .csv, or field of a .jsonl, that holds the prompt.',
      aliases: ['field', 'key', 'prompt_column'],
    }),
    shuffle: key(z.boolean().default(true), {
      description: 'Draw prompts in a seeded random order; false takes them in the order of the file.',
    }),
  }),
]);

export const prompts = key(promptSource.default('all'), {
  description: 'The prompts that are trained on: `all` (the 72 of shapes), a list, or `{file: prompts.csv}`.',
  aliases: ['prompt', 'dataset', 'data', 'prompt_file', 'prompts_file', 'train_prompts'],
  defaultText: '`all`, for shapes; the other models have no default',
});

export const evaluation = block('Fixed prompts and seeds, sampled without exploration noise.', {
  every: key(z.int().min(0).max(10_000_000).default(10), {
    description: 'Iterations between evaluations, besides those before and after training; 0 for only these.',
    unit: 'iterations',
    aliases: ['eval_every', 'eval_freq', 'eval_interval', 'validation_steps'],
  }),
  videos_per_prompt: key(z.int().min(1).max(1000).default(2), {
    description: 'Videos sampled for each evaluation prompt.',
    unit: 'videos a prompt',
    models: { 'hunyuan-video-1.5': 1, 'wan-2.1': 1 },
  }),
  steps: key(z.int().min(1).max(1000).nullable().default(null), {
    description: 'Sampling steps in evaluation.',
    unit: 'steps',
    defaultText: '`sampling.steps`; 40 for HunyuanVideo-1.5',
    models: { 'hunyuan-video-1.5': 40 },
  }),
  seed: key(z.int().min(0).max(4294967295).default(930), { description: 'Seed of the evaluation noise.' }),
  prompts: key(promptSource.nullable().default(null), {
    description: 'Prompts of the evaluation, given like `prompts`.',
    defaultText: 'the training prompts',
    aliases: ['prompt', 'eval_prompts', 'validation_prompts'],
  }),
  max_videos: key(z.int().min(1).max(100_000).default(144), {
    description: 'An evaluation samples no more videos than this: every prompt once, then every prompt again.',
    unit: 'videos',
    models: { 'hunyuan-video-1.5': 32, 'wan-2.1': 32 },
  }),
}).meta({ section: 'Evaluation' } satisfies Partial<KeyMeta>);

export const checkpoints = block('What is kept to resume from.', {
  every: key(z.int().min(0).max(10_000_000).default(20), {
    description: 'Iterations between checkpoints, besides those at the start and at the end; 0 for only these.',
    unit: 'iterations',
    aliases: ['save_every', 'save_freq', 'save_steps', 'checkpointing_steps', 'interval'],
  }),
  keep: key(z.int().min(1).max(100_000).default(3), {
    description: 'Newest checkpoints that are kept; older ones are deleted.',
    unit: 'checkpoints',
    aliases: ['save_total_limit', 'checkpoints_total_limit', 'max_checkpoints'],
  }),
  keep_best: key(z.boolean().default(true), {
    description: 'Also keep the checkpoint with the best evaluation reward.',
    aliases: ['save_best'],
  }),
});

export const videos = block('Which rollouts are written as .mp4, to be looked at.', {
  every: key(z.int().min(0).max(10_000_000).default(5), {
    description: 'Iterations between those whose rollouts are written; 0 writes none.',
    unit: 'iterations',
  }),
  per_prompt: key(z.int().min(1).max(4096).nullable().default(null), {
    description: 'Videos written for each prompt.',
    unit: 'videos a prompt',
    defaultText: 'all generations',
  }),
  evaluation: key(z.int().min(0).max(100_000).default(24), {
    description: 'Videos written of each evaluation: the same prompts and seeds every time; 0 writes none.',
    unit: 'videos',
    models: { 'hunyuan-video-1.5': 8, 'wan-2.1': 8 },
  }),
  scale: key(z.int().min(1).max(64).default(8), {
    description: 'Each pixel becomes a square of this size, so that small videos can be seen.',
    unit: 'pixels',
    models: { 'hunyuan-video-1.5': 1, 'wan-2.1': 1 },
  }),
  quality: key(z.int().min(10).max(51).default(26), {
    description: 'Quantizer of H.264: 10 is the best and largest, 51 the worst and smallest.',
    aliases: ['crf', 'qp'],
  }),
});
