import { z } from 'zod';
import { key } from './key.ts';
import { equalizer, training, trustRegion } from './schema-learning.ts';
import { checkpoints, evaluation, prompts, videos } from './schema-output.ts';
import { reward } from './schema-reward.ts';
import { exploration, policy, rollout, sampling } from './schema-sampling.ts';

export { modelNames, type KeyMeta, type ModelName } from './key.ts';

/**
 * The whole of a `*.sage.yaml`, in the order in which people write it. Types, defaults, validation, the JSON schema and
 * `docs/config.md` all come from here. Keys are written as in the file; rules between keys are in `rules.ts`.
 */
export const configSchema = z
  .strictObject({
    extends: key(z.string().min(1).optional(), {
      description: 'A preset, or a file relative to this one, whose values lie under the ones given here.',
      defaultText: 'nothing',
      aliases: ['base', 'preset', 'inherits', 'inherit', 'parent', 'include', '_base_'],
    }),
    name: key(
      z
        .string()
        .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/)
        .default('run'),
      {
        description: 'Name of the run; its folder is called after it. Letters, digits, dot, underscore and hyphen.',
        defaultText: 'the name of the file',
        aliases: ['run_name', 'experiment', 'exp_name', 'output_dir'],
      },
    ),
    seed: key(z.int().min(0).max(4294967295).default(42), {
      description: 'Every random number of the run follows from it; equal seeds give equal runs.',
    }),
    policy,
    prompts,
    sampling,
    exploration,
    rollout,
    reward,
    training,
    equalizer,
    trust_region: trustRegion,
    evaluation,
    checkpoints,
    videos,
  })
  .meta({ title: 'SAGE-GRPO config', description: 'How a video generator is post-trained by SAGE-GRPO.' });

/** A resolved config: every key has a value, those of a base among them. Keys are those of the file, in snake_case. */
export type Config = Omit<z.output<typeof configSchema>, 'extends'>;

/** Where prompts come from: `all` (of shapes), a list, or a file. */
export type PromptSource = Config['prompts'];
