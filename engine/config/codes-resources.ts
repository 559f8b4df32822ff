import type { CodeGroup } from './codes.ts';

/** What a machine may not have enough of. */
export const resourceCodes: CodeGroup[] = [
  {
    title: 'Memory and disk',
    codes: {
      memory: {
        severity: 'warning',
        meaning:
          'By an estimate ([estimates.md](estimates.md)) training takes more memory than a GPU of 80 GB has, so it would fail after the model was loaded. It is an error where no GPU that is known has as much.',
        example:
          'policy: { model: hunyuan-video-1.5 }\nprompts: [A boat drifts down a gutter., A kite climbs over a beach.]\nrollout: { prompts_per_iteration: 2 }\n',
        remedy:
          'Take one of the changes that the message names: an adapter, a smaller micro-batch, more devices, fewer frames. `sage-grpo estimate` shows what takes how much.',
      },
      disk: {
        severity: 'warning',
        meaning:
          'By an estimate the checkpoints that are kept and the videos that are written take more than what is free on the disk beside the config, so the run would end when it is full.',
        example: 'training: { iterations: 10000000 }\nrollout: { generations: 4096 }\nvideos: { every: 1 }\n',
        remedy: 'Keep fewer checkpoints, write fewer videos, or keep the runs on another disk.',
      },
    },
  },
];
