import { z } from 'zod';
import { block, key, modelNames } from './key.ts';

const adapter = block('Low-rank adapters in place of full fine-tuning.', {
  kind: key(z.enum(['none', 'lora']).default('none'), {
    description: 'Whether all weights are trained or a low-rank adapter beside frozen ones.',
    values: {
      none: 'full fine-tuning: every weight is trained',
      lora: 'a LoRA adapter is trained; the anchor is a second adapter on the same base weights',
    },
    torchOnly: true,
    aliases: ['lora', 'peft'],
  }),
  rank: key(z.int().min(1).max(1024).default(64), {
    description: 'Rank of the adapter matrices.',
    torchOnly: true,
    aliases: ['r', 'lora_rank', 'lora_r'],
  }),
  alpha: key(z.number().positive().max(4096).default(128), {
    description: 'Scale of the adapter: its output is multiplied by alpha / rank.',
    torchOnly: true,
    aliases: ['lora_alpha'],
  }),
});

export const policy = block('The video generator that is trained, and what it runs on.', {
  model: key(z.enum(modelNames).default('shapes'), {
    description: 'The generator to post-train.',
    values: {
      shapes: 'the embedded model: 8 frames of 32×32, trains on a CPU',
      'hunyuan-video-1.5': 'HunyuanVideo-1.5, 8.3 B parameters; needs the torch policy (Python, CUDA)',
      'wan-2.1': 'Wan2.1-T2V-1.3B; needs the torch policy (Python, CUDA)',
    },
    aliases: ['model_name', 'pretrained_model'],
  }),
  backend: key(z.enum(['onnx', 'torch']).default('onnx'), {
    description: 'What computes the model.',
    values: {
      onnx: 'onnxruntime in this process, CPU; only for shapes',
      torch: 'the Python worker under torchrun, CUDA',
    },
    models: { 'hunyuan-video-1.5': 'torch', 'wan-2.1': 'torch' },
    aliases: ['device', 'engine'],
  }),
  weights: key(z.string().min(1).nullable().default(null), {
    description: 'Where training starts from: a file, a folder or a Hugging Face repository.',
    defaultText: 'the released weights of the model',
    aliases: ['checkpoint', 'pretrained_model_name_or_path', 'model_path'],
  }),
  threads: key(z.int().min(1).max(1024).default(2), {
    description: 'CPU threads that compute the model.',
    unit: 'threads',
    onnxOnly: true,
    aliases: ['num_threads', 'num_workers'],
  }),
  adapter,
  devices: key(z.int().min(1).max(65536).default(1), {
    description: 'GPUs of the run, over all machines (the world size).',
    unit: 'GPUs',
    torchOnly: true,
    aliases: ['gpus', 'num_gpus', 'world_size', 'num_processes', 'nproc_per_node'],
  }),
  sequence_parallel: key(z.int().min(1).max(1024).default(1), {
    description: 'GPUs that share the tokens of one video. The world size must be a multiple of it.',
    unit: 'GPUs a video',
    torchOnly: true,
    aliases: ['sp', 'sp_size', 'sequence_parallel_size', 'ulysses', 'context_parallel'],
  }),
  precision: key(z.enum(['bf16', 'fp32']).default('fp32'), {
    description: 'Number format of weights and activations; log-probabilities are always float32.',
    values: { bf16: 'bfloat16: half the memory', fp32: 'float32' },
    models: { 'hunyuan-video-1.5': 'bf16', 'wan-2.1': 'bf16' },
    torchOnly: true,
    aliases: ['dtype', 'mixed_precision', 'weight_dtype'],
  }),
  activation_checkpointing: key(z.boolean().default(false), {
    description: 'Recompute activations in the backward pass: much less memory, about a third more time.',
    models: { 'hunyuan-video-1.5': true, 'wan-2.1': true },
    torchOnly: true,
    aliases: ['gradient_checkpointing', 'checkpointing'],
  }),
  guidance_batching: key(z.enum(['auto', 'batched', 'sequential']).default('auto'), {
    description: 'How the two branches of guidance are computed, with and without the prompt.',
    values: {
      auto: 'batched where the memory of the device allows it',
      batched: 'in one pass of twice the samples: fewer, larger operations',
      sequential: 'one after the other: half the activations',
    },
    torchOnly: true,
    aliases: ['batch_cfg', 'cfg_batching'],
  }),
  offload_anchor: key(z.boolean().default(true), {
    description:
      'In full fine-tuning, keep the copies that the trust region needs, the anchor and the pre-trained model, in the memory of the CPU: less GPU memory, a transfer at each use.',
    torchOnly: true,
    aliases: ['anchor_offload', 'offload_reference', 'ref_offload', 'cpu_offload'],
  }),
});

export const sampling = block('How a video is sampled, in training and in evaluation.', {
  steps: key(z.int().min(1).max(1000).default(10), {
    description: 'Sampling steps of a rollout. More steps cost time and leave less noise to explore at each.',
    unit: 'steps',
    paper: 'T, sampling schedule',
    equation: 'u = 1 − k/T, σ_k = s·u / (1 + (s−1)·u)',
    section: 'Schedule',
    models: { 'hunyuan-video-1.5': 20, 'wan-2.1': 20 },
    aliases: ['num_steps', 'num_inference_steps', 'sampling_steps', 'timesteps', 'num_timesteps', 'T'],
  }),
  shift: key(z.number().min(0.001).max(100).default(3), {
    description: 'Bends the schedule towards high noise: σ = s·u / (1 + (s−1)·u). 1 is linear.',
    paper: 's, sampling schedule',
    equation: 'u = 1 − k/T, σ_k = s·u / (1 + (s−1)·u)',
    section: 'Schedule',
    why: 'the schedule bends the other way, or not at all, outside it',
    models: { 'hunyuan-video-1.5': 5, 'wan-2.1': 3 },
    aliases: ['timestep_shift', 'flow_shift', 'sigma_shift'],
  }),
  guidance: key(z.number().min(0).max(100).default(1), {
    description: 'Classifier-free guidance scale; 1 samples the conditional branch alone, at half the cost.',
    paper: 'guidance',
    equation: 'v = u + g·(c − u)',
    section: 'One iteration',
    models: { 'hunyuan-video-1.5': 6, 'wan-2.1': 5 },
    aliases: ['cfg', 'cfg_scale', 'guidance_scale'],
  }),
  train_guidance: key(z.boolean().default(true), {
    description: 'Replay the guided velocity in training, both branches with gradient, as it was sampled.',
    paper: 'guidance',
    equation: 'v = u + g·(c − u), with gradient through both',
    section: 'One iteration',
    aliases: ['train_cfg', 'cfg_in_training'],
  }),
  frames: key(z.int().min(1).max(1024).default(8), {
    description: 'Frames of a video. Fixed at 8 for shapes; 4n + 1 for the others.',
    unit: 'frames',
    models: { 'hunyuan-video-1.5': 81, 'wan-2.1': 81 },
    aliases: ['num_frames', 'length'],
  }),
  height: key(z.int().min(16).max(4096).default(32), {
    description: 'Height of a video. Fixed at 32 for shapes; a multiple of 16 for the others.',
    unit: 'pixels',
    models: { 'hunyuan-video-1.5': 352, 'wan-2.1': 480 },
    aliases: ['h'],
  }),
  width: key(z.int().min(16).max(4096).default(32), {
    description: 'Width of a video. Fixed at 32 for shapes; a multiple of 16 for the others.',
    unit: 'pixels',
    models: { 'hunyuan-video-1.5': 624, 'wan-2.1': 832 },
    aliases: ['w'],
  }),
});

/** A range of steps; not given means all of them. */
const window = z
  .strictObject({
    first: key(z.int().min(0), { description: 'First explored step, counted from 0.', unit: 'step' }),
    last: key(z.int().min(0), { description: 'Last explored step, included.', unit: 'step' }),
  })
  .nullable()
  .default(null)
  .meta({
    description: 'Explore and train only these steps (MixGRPO); the others follow the ODE.',
    paper: 'MixGRPO window',
    section: 'Exploration kernels',
    defaultText: 'every step',
    aliases: ['sde_window', 'sde_window_size', 'sde_steps'],
  });

export const exploration = block('The noise with which rollouts of one prompt come to differ.', {
  kernel: key(z.enum(['sage', 'flow_grpo', 'dance_grpo', 'cps', 'ode']).default('sage'), {
    description: 'How a sampling step is made random.',
    paper: 'exploration kernels',
    equation: 'x_{k+1} = a_k·x_k + b_k·v + s_k·z, z ~ N(0, I)',
    section: 'Exploration kernels',
    values: {
      sage: 'the exact variance of the SDE over the step (SAGE-GRPO)',
      flow_grpo: "Euler's variance at the noisy end of the step (Flow-GRPO)",
      dance_grpo: 'constant noise η√Δ (DanceGRPO)',
      cps: 'noise that keeps the marginals (coefficients-preserving sampling)',
      ode: 'no noise: nothing to train, for comparison only',
    },
    aliases: ['sde_type', 'sampler', 'kernel_type', 'dynamics_type'],
  }),
  eta: key(z.number().positive().max(10).default(0.5), {
    description: 'Strength of the exploration noise.',
    paper: 'η, diffusion coefficient g(σ)² = η²σ/(1−σ)',
    equation: 'g(σ)² = η²·σ/(1−σ)',
    section: 'Exploration kernels',
    why: 'without noise the rollouts of a prompt are all the same',
    aliases: ['noise_level', 'noise_scale', 'sde_eta'],
  }),
  sigma_max: key(z.number().min(0.64).max(0.999999).default(0.997), {
    description: 'Noise level at which the integral of the variance is cut off, since it diverges at 1.',
    paper: 'σ_max, precise variance Σ_k',
    equation: 'Σ_k = η²·[−Δ_k + log((1−σ_{k+1}) / (1−min(σ_k, σ_max)))]',
    section: 'Exploration kernels',
    why: 'the variance diverges at a noise level of 1',
    aliases: ['sigma_clamp'],
  }),
  last_step: key(z.enum(['ode', 'noise']).default('ode'), {
    description: 'What the last step does; its noise would stay in the video that is scored.',
    paper: 'exploration kernels, the step to σ_T = 0',
    equation: 'x_T = x_{T−1} − Δ_{T−1}·v, or with s_{T−1}·z besides',
    section: 'Exploration kernels',
    values: {
      ode: 'a plain ODE step, neither explored nor trained',
      noise: 'explored like the others, as in the released code',
    },
  }),
  window,
  clamp_both_ends: key(z.boolean().default(false), {
    description: 'Drop the noise of steps wholly above sigma_max, so that any number of steps is valid.',
    paper: 'precise variance Σ_k, exact fix',
    equation: 'Σ_k = η²·[−(σ̄_k − σ̄_{k+1}) + log((1−σ̄_{k+1}) / (1−σ̄_k))], σ̄ = min(σ, σ_max)',
    section: 'Exploration kernels',
  }),
});

export const rollout = block('How many videos an iteration samples.', {
  prompts_per_iteration: key(z.int().min(1).max(100000).default(4), {
    description: 'Prompts drawn in an iteration.',
    unit: 'prompts',
    paper: 'P',
    equation: 'N = P·G',
    section: 'One iteration',
    aliases: ['prompts_per_batch', 'num_prompts', 'batch_size', 'prompts_per_step'],
  }),
  generations: key(z.int().min(2).max(4096).default(8), {
    description: 'Videos sampled for a prompt: the group within which rewards are compared.',
    unit: 'videos a prompt',
    paper: 'G, group',
    equation: 'A = (R − mean R) / std R within the group, clamped to ±advantage_clip',
    section: 'Rewards and advantages',
    why: 'an advantage is a comparison within the group',
    models: { 'hunyuan-video-1.5': 4 },
    aliases: [
      'num_generations',
      'group_size',
      'G',
      'samples_per_prompt',
      'num_samples_per_prompt',
      'num_image_per_prompt',
    ],
  }),
});
