import { z } from 'zod';
import { block, key, type KeyMeta } from './key.ts';

export const training = block('The optimizer and the loop around it.', {
  iterations: key(z.int().min(1).max(10_000_000).default(60), {
    description: 'Iterations of the run: each samples, scores and trains.',
    unit: 'iterations',
    models: { 'hunyuan-video-1.5': 300, 'wan-2.1': 300 },
    aliases: ['epochs', 'num_epochs', 'max_steps', 'max_train_steps', 'num_iterations', 'total_steps'],
  }),
  micro_batch: key(z.int().min(1).max(100_000).default(32), {
    description: 'Samples that one forward and backward pass takes on a device. Smaller saves memory.',
    paper: 'micro-batch',
    section: 'One iteration',
    unit: 'samples a device',
    models: { 'hunyuan-video-1.5': 1, 'wan-2.1': 1 },
    aliases: ['batch_size', 'micro_batch_size', 'train_batch_size', 'per_device_train_batch_size'],
  }),
  accumulation: key(z.int().min(1).max(1_000_000).default(1), {
    description: 'Micro-batches whose gradients are averaged in one update of the weights.',
    paper: 'gradient accumulation',
    section: 'One iteration',
    unit: 'micro-batches an update',
    aliases: ['gradient_accumulation', 'gradient_accumulation_steps', 'grad_accum'],
  }),
  steps_per_sample: key(z.int().min(1).max(1000).nullable().default(null), {
    description: 'Explored steps trained for each sample, drawn anew every iteration. Fewer cost less time.',
    paper: 'trained steps K',
    section: 'One iteration',
    unit: 'steps',
    defaultText: 'all explored steps',
    aliases: ['timestep_fraction', 'train_steps', 'num_train_timesteps'],
  }),
  learning_rate: key(z.number().positive().max(1).default(1e-4), {
    description: "AdamW's learning rate.",
    paper: 'learning rate',
    section: 'Optimizer',
    models: { 'hunyuan-video-1.5': 1e-5, 'wan-2.1': 1e-5 },
    aliases: ['lr'],
  }),
  learning_rate_schedule: key(z.enum(['constant', 'linear', 'cosine']).default('constant'), {
    description: 'How the learning rate goes over the run.',
    paper: 'learning rate',
    section: 'Optimizer',
    values: {
      constant: 'it stays',
      linear: 'it falls evenly, to 0 after the last iteration',
      cosine: 'it falls slowly, then fast, then slowly, to 0 after the last iteration',
    },
    aliases: ['lr_schedule', 'lr_scheduler', 'lr_scheduler_type', 'scheduler'],
  }),
  weight_decay: key(z.number().min(0).max(1).default(0), {
    description: "AdamW's decoupled weight decay.",
    paper: 'weight decay',
    section: 'Optimizer',
    models: { 'hunyuan-video-1.5': 0.01, 'wan-2.1': 0.01 },
    aliases: ['wd'],
  }),
  beta1: key(z.number().min(0).lt(1).default(0.9), {
    description: "Decay of AdamW's first moment.",
    aliases: ['adam_beta1'],
  }),
  beta2: key(z.number().min(0).lt(1).default(0.999), {
    description: "Decay of AdamW's second moment.",
    aliases: ['adam_beta2'],
  }),
  epsilon: key(z.number().positive().max(1).default(1e-8), {
    description: "AdamW's ε, which keeps its division finite.",
    aliases: ['eps', 'adam_epsilon'],
  }),
  max_gradient_norm: key(z.number().positive().max(1e6).default(1), {
    description: 'The gradient of an update is scaled down to this norm when it is larger.',
    paper: 'gradient clipping',
    equation: 'g ← g·min(1, max_gradient_norm / (‖g‖ + 1e-6))',
    section: 'Optimizer',
    aliases: ['max_grad_norm', 'grad_clip', 'gradient_clip', 'clip_grad_norm'],
  }),
  clip_range: key(z.number().positive().lt(1).default(1e-4), {
    description: 'The ratio is clipped to 1 ± this. Tiny, since log-probabilities are means over the latent.',
    paper: 'c, clipped surrogate',
    equation: 'L_pg = max(−A·ratio, −A·clip(ratio, 1−c, 1+c))',
    section: 'Loss of one sample at one step',
    aliases: ['clip', 'ppo_clip', 'clip_eps', 'epsilon_clip'],
  }),
  measure_gradient: key(z.enum(['all', 'first']).default('all'), {
    description: 'Replays whose gradient norm is measured; the others of an update share passes through the network.',
    section: 'One iteration',
    values: {
      all: 'every replay, each in passes of its own',
      first: 'the first of each step in an iteration; the others go together, several steps in a pass',
    },
  }),
  measure_drift: key(z.enum(['all', 'first']).default('all'), {
    description: 'Replays in which the drift from the pre-trained model is measured; each costs a forward pass of it.',
    section: 'One iteration',
    values: {
      all: 'every replay',
      first: 'those of the first micro-batch of an iteration',
    },
    models: { 'hunyuan-video-1.5': 'first', 'wan-2.1': 'first' },
    torchOnly: true,
    aliases: ['drift', 'measure_reference'],
  }),
}).meta({ section: 'Optimizer' } satisfies Partial<KeyMeta>);

export const equalizer = block('Balances how strongly the sampling steps pull at the weights.', {
  mode: key(z.enum(['analytic', 'measured', 'none']).default('analytic'), {
    description: 'Where the weight e_k of each step comes from.',
    paper: 'e_k = median(N)/N_k, gradient-norm equalizer',
    equation: 'e_k = median_j(N_j) / N_k, N_k = |b_k| / s_k',
    section: 'Gradient-norm equalizer',
    values: {
      analytic: 'from the kernel table alone, as in the paper',
      measured: "a moving average of each step's measured gradient norm, once warm",
      none: 'every step weighs 1',
    },
    aliases: ['temporal_weights', 'balance'],
  }),
  decay: key(z.number().min(0).lt(1).default(0.9), {
    description: 'Decay of the moving average of `measured`.',
    paper: 'gradient-norm equalizer',
    equation: 'N_k ← decay·N_k + (1 − decay)·measured',
    section: 'Gradient-norm equalizer',
  }),
  warmup: key(z.int().min(1).max(100_000).default(5), {
    description: 'Observations of every step before `measured` replaces `analytic`.',
    paper: 'gradient-norm equalizer',
    section: 'Gradient-norm equalizer',
    unit: 'observations a step',
  }),
}).meta({ section: 'Gradient-norm equalizer' } satisfies Partial<KeyMeta>);

const anchor = block('Position control: keeps the policy near a copy of itself.', {
  mode: key(z.enum(['moving', 'fixed', 'none']).default('moving'), {
    description: 'What the policy is held to.',
    paper: 'KL_anchor, dual trust region',
    equation: 'KL_anchor = mean[(μ_θ − μ_anchor)²] / (2·(s_k² + 1e-6))',
    section: 'Dual trust region',
    values: {
      moving: 'a copy of the policy, refreshed every `interval` updates',
      fixed: 'the pre-trained model',
      none: 'nothing',
    },
  }),
  interval: key(z.int().min(1).max(1_000_000).default(10), {
    description: 'Updates after which a moving anchor is refreshed.',
    paper: 'KL_anchor, refresh of the anchor',
    section: 'Dual trust region',
    unit: 'updates',
    aliases: ['anchor_interval', 'update_interval'],
  }),
  weight: key(z.number().min(0).max(1e6).default(1), {
    description: 'Weight of the anchor term within the trust region.',
    paper: 'w_m',
    equation: 'L = e_k·L_pg + β·(w_m·KL_anchor + w_s·KL_step)',
    section: 'Dual trust region',
  }),
});

const stepwise = block('Velocity control: keeps the policy near the one that sampled.', {
  estimator: key(z.enum(['k3', 'k1', 'none']).default('k3'), {
    description: 'Estimator of the KL divergence from the policy that sampled.',
    paper: 'KL_step, dual trust region',
    equation: 'k3: exp(d) − 1 − d, k1: −d, with d = ℓ_θ − ℓ_old',
    section: 'Dual trust region',
    values: {
      k3: 'exp(d) − 1 − d: never negative, lower variance',
      k1: 'the plain difference, as in the released code',
      none: 'no velocity control',
    },
  }),
  weight: key(z.number().min(0).max(1e6).default(0.1), {
    description: 'Weight of the stepwise term within the trust region.',
    paper: 'w_s',
    equation: 'L = e_k·L_pg + β·(w_m·KL_anchor + w_s·KL_step)',
    section: 'Dual trust region',
  }),
});

const beta = block('The strength β of the whole trust region: L = L_pg + β·(w_m·KL_anchor + w_s·KL_step).', {
  controller: key(z.enum(['adaptive', 'constant', 'released']).default('adaptive'), {
    description: 'How β changes after its ramp.',
    paper: 'β, KL controller',
    equation: 'β ← 1.1·β above 1.5·target, 0.9·β below 0.5·target',
    section: 'β',
    values: {
      adaptive: 'raised when KL is above the target, lowered when below',
      constant: 'stays at `weight`',
      released: 'the opposite sign of adaptive, as in the released code',
    },
  }),
  initial: key(z.number().min(0).max(1e6).default(1e-7), {
    description: 'β at the start of its ramp.',
    paper: 'β, initial',
    section: 'β',
  }),
  minimum: key(z.number().min(0).max(1e6).default(1e-7), {
    description: 'β never falls below this.',
    paper: 'β, minimum',
    section: 'β',
  }),
  weight: key(z.number().min(0).max(1e6).default(1e-5), {
    description: 'β at the end of its ramp, and its largest value.',
    paper: 'β',
    equation: 'L = e_k·L_pg + β·(w_m·KL_anchor + w_s·KL_step)',
    section: 'β',
    aliases: ['kl_weight', 'kl_coef', 'kl_beta'],
  }),
  target: key(z.number().positive().max(1e6).default(0.01), {
    description: 'KL at which the controller is content.',
    paper: 'β, KL target',
    equation: 'β ← 1.1·β above 1.5·target, 0.9·β below 0.5·target',
    section: 'β',
    aliases: ['kl_target', 'target_kl'],
  }),
  ramp_calls: key(z.int().min(0).max(10_000_000).default(100), {
    description: 'Calls over which β rises from `initial` to `weight`.',
    paper: 'β, ramp',
    equation: 'β = initial + (weight − initial)·calls / ramp_calls',
    section: 'β',
    unit: 'calls',
    aliases: ['warmup_steps', 'kl_warmup'],
  }),
}).meta({ section: 'β' } satisfies Partial<KeyMeta>);

export const trustRegion = block('The dual trust region: how far an update may carry the policy.', {
  anchor,
  stepwise,
  beta,
}).meta({ section: 'Dual trust region' } satisfies Partial<KeyMeta>);
