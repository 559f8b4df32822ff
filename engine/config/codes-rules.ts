import type { CodeGroup } from './codes.ts';

const hunyuan = 'prompts: [a cat, a dog, a bird, a fish]\n';

/** Codes of rules between keys. */
export const ruleCodes: CodeGroup[] = [
  {
    title: 'Model and reward',
    codes: {
      backend: {
        severity: 'error',
        meaning: 'The onnx backend runs the embedded model only.',
        example: `policy: { model: wan-2.1, backend: onnx }\n${hunyuan}`,
        remedy: 'Write `backend: torch`, or remove the line: each model has its backend by default.',
      },
      adapter: {
        severity: 'error',
        meaning: 'The model takes no adapter.',
        example: 'policy: { backend: torch, adapter: { kind: lora } }\n',
        remedy: 'Remove the block: all weights are trained.',
      },
      'torch-only': {
        severity: 'warning',
        meaning: 'The key is only read by the torch policy, so here it does nothing.',
        example: 'policy: { precision: bf16 }\n',
        remedy: 'Remove the line.',
      },
      'onnx-only': {
        severity: 'warning',
        meaning: 'The key is only read by the onnx policy, so here it does nothing.',
        example: `policy: { model: wan-2.1, threads: 8 }\n${hunyuan}`,
        remedy: 'Remove the line.',
      },
      'video-size': {
        severity: 'error',
        meaning:
          'The model cannot make videos of this size: shapes makes 8 frames of 32×32, the others 4n + 1 frames with sides of multiples of 16.',
        example: 'sampling: { frames: 16 }\n',
        remedy: 'Write the nearest size that is offered.',
      },
      'video-scale': {
        severity: 'error',
        meaning: 'Videos of shapes would be written smaller than 256 pixels, which many players do not show.',
        example: 'videos: { scale: 2 }\n',
        remedy: 'Write 8 or more.',
      },
      'reward-mismatch': {
        severity: 'error',
        meaning:
          'The reward cannot judge what the model makes: shapes-judge knows only Shapes, videoalign only real video.',
        example: 'reward: { model: videoalign }\n',
        remedy: 'Write the reward of the model, or remove the line.',
      },
      'reward-backend': {
        severity: 'error',
        meaning:
          'CLIPScore, PickScore and rewards in Python are computed by the torch backend, a Python worker; onnx cannot.',
        example: 'reward: { held_out: [clipscore] }\n',
        remedy: 'Write `policy: { backend: torch }`, or remove the line.',
      },
      'no-reward': {
        severity: 'error',
        meaning: 'Nothing scores the videos: `reward.model` is `null`, which is right only beside `reward.python`.',
        example: 'reward: { model: null }\n',
        remedy: 'Name a reward model, or remove the line.',
      },
      'component-not-given': {
        severity: 'error',
        meaning: 'A component has a weight, but none of the reward models that are named gives it.',
        example: 'reward: { weights: { clipscore: 1 } }\n',
        remedy: 'Add the model that gives it to `reward.model`, or remove the line.',
      },
      'held-out-reward': {
        severity: 'error',
        meaning:
          'A metric is held out and a reward model at once. What is trained on rises by itself; only what is not can show that the reward is being exploited.',
        example: `policy: { model: wan-2.1 }\nreward: { model: [videoalign, clipscore], held_out: [clipscore] }\n${hunyuan}`,
        remedy: 'Take it out of `reward.held_out` or of `reward.model`.',
      },
      'zero-reward': {
        severity: 'error',
        meaning: 'Every component of the reward weighs 0, so all videos are worth the same and nothing can be learnt.',
        example: 'reward: { weights: { VQ: 0, MQ: 0, TA: 0 } }\n',
        remedy: 'Give at least one component a weight, such as `TA: 1`.',
      },
      guidance: {
        severity: 'warning',
        meaning:
          'Rollouts are sampled with guidance and trained without it, so another policy is trained than the one that sampled; or guidance is 0, which takes the prompt its effect.',
        example: 'sampling: { guidance: 3, train_guidance: false }\n',
        remedy: 'Write `train_guidance: true`, or sample with `guidance: 1`.',
      },
    },
  },
  {
    title: 'Exploration',
    codes: {
      'steps-too-many': {
        severity: 'error',
        meaning:
          'With so many steps at this shift the first step lies above sigma_max, where the precise variance of the sage kernel is not positive; trained so, log-probabilities would be NaN.',
        example: 'sampling: { steps: 68, shift: 5 }\n',
        remedy:
          'Sample in fewer steps, set `exploration.clamp_both_ends: true`, lower the shift, raise `sigma_max`, or use another kernel.',
      },
      'window-outside-schedule': {
        severity: 'error',
        meaning:
          'The window names steps that the schedule does not have. Steps count from 0; the last one is `sampling.steps` − 1.',
        example: 'exploration: { window: { first: 0, last: 10 } }\n',
        remedy: 'Write the nearest valid window, or remove it to explore every step.',
      },
      'window-last-step': {
        severity: 'warning',
        meaning: 'The window ends at the last step, which draws no noise, so one step fewer is explored than it names.',
        example: 'exploration: { window: { first: 5, last: 9 } }\n',
        remedy: 'End it one step earlier, or write `last_step: noise`.',
      },
      'nothing-to-train': {
        severity: 'error',
        meaning: 'No step draws noise: the kernel is ode, or the window covers only steps without noise.',
        example: 'exploration: { kernel: ode }\n',
        remedy: 'Choose a kernel with noise, or a window that covers other steps than the last.',
      },
      'steps-per-sample': {
        severity: 'error',
        meaning: 'More steps are to be trained for each sample than are explored.',
        example: 'training: { steps_per_sample: 10 }\n',
        remedy: 'Write at most the number of explored steps, or `null` for all of them.',
      },
    },
  },
  {
    title: 'Batches and devices',
    codes: {
      'sequence-parallel': {
        severity: 'error',
        meaning: 'Several GPUs are to share the tokens of one video. This version computes each video on one GPU.',
        example: `policy: { model: wan-2.1, devices: 4, sequence_parallel: 4 }\n${hunyuan}`,
        remedy:
          'Write 1, or remove the line; sample fewer frames or a smaller size where a video is too large for a GPU.',
      },
      'data-parallel': {
        severity: 'error',
        meaning:
          'The samples of an iteration (prompts × generations) do not divide among the data-parallel ranks (the GPUs).',
        example: `policy: { model: hunyuan-video-1.5, devices: 3 }\n${hunyuan}`,
        remedy: 'Change the number of prompts, of generations or of devices.',
      },
      'micro-batch': {
        severity: 'error',
        meaning: 'The samples of a rank (prompts × generations / ranks) do not divide into micro-batches.',
        example: 'training: { micro_batch: 12 }\n',
        remedy: 'Set `training.micro_batch` to a divisor, or change the number of prompts or generations.',
      },
      accumulation: {
        severity: 'error',
        meaning:
          'The backward passes of an iteration (micro-batches × trained steps) do not divide into updates of `training.accumulation`, so the last update would be cut short.',
        example: 'training: { micro_batch: 16, accumulation: 4 }\n',
        remedy: 'Set `training.accumulation` to a divisor.',
      },
      'small-group': {
        severity: 'warning',
        meaning: 'In a group of 2 every advantage is +1 or −1, however small the difference between the two videos.',
        example: 'rollout: { generations: 2, prompts_per_iteration: 16 }\n',
        remedy: 'Sample 4 generations or more; 8 is usual.',
      },
    },
  },
  {
    title: 'Training',
    codes: {
      'learning-rate': {
        severity: 'warning',
        meaning:
          'The learning rate is far outside of what is customary for the model and the adapter: below, hardly anything is learnt; above, the policy tends to fall apart.',
        example: 'training: { learning_rate: 0.05 }\n',
        remedy: 'Write a value of the customary range, which the message names.',
      },
      'beta-range': {
        severity: 'error',
        meaning: 'β begins, or has its lower limit, above `trust_region.beta.weight`, which is its largest value.',
        example: 'trust_region: { beta: { minimum: 1e-3 } }\n',
        remedy:
          'Lower it to the weight, or raise the weight. To switch the trust region off, write `anchor: {mode: none}` and `stepwise: {estimator: none}`.',
      },
      'interval-beyond-run': {
        severity: 'warning',
        meaning: 'Something is to happen every so many iterations, and the run has fewer.',
        example: 'training: { iterations: 10 }\ncheckpoints: { every: 20 }\n',
        remedy: 'Write at most the number of iterations.',
      },
      'no-effect': {
        severity: 'warning',
        meaning:
          'The key is written but does nothing, because of another one: a weight of a part that is switched off, a limit of another kernel, weights of 0 that switch a part off which is asked for.',
        example: 'trust_region: { anchor: { mode: none, weight: 2 } }\n',
        remedy: 'Remove the line, or change the key that is named.',
      },
    },
  },
];
