import { likely, removeKey, setKey } from './fixes.ts';
import { heldOutMetrics, rewardModels } from './reward.ts';
import type { Rule, RuleContext } from './rule.ts';
import { switchOff } from './rules-advice.ts';
import type { Config } from './schema.ts';

/** A key that would do nothing, if it were written, and the other key that is why. */
type Idle = [path: string, idle: boolean, because: string];

const betaKeys = ['controller', 'initial', 'minimum', 'weight', 'target', 'ramp_calls'];

/** Whether nothing is left of the trust region that β could scale. */
function withoutTrustRegion({ trust_region: { anchor, stepwise } }: Config): boolean {
  return (anchor.mode === 'none' || anchor.weight === 0) && (stepwise.estimator === 'none' || stepwise.weight === 0);
}

function idleInTrustRegion(config: Config): Idle[] {
  const { anchor, stepwise, beta } = config.trust_region;
  const nothing = 'neither the anchor nor the stepwise KL has a weight for it to scale';
  const off = withoutTrustRegion(config);
  const constant = beta.controller === 'constant' && !off;
  return [
    ['trust_region.anchor.weight', anchor.mode === 'none' && anchor.weight !== 0, 'trust_region.anchor.mode is none'],
    ['trust_region.anchor.interval', anchor.mode !== 'moving', `trust_region.anchor.mode is ${anchor.mode}`],
    [
      'trust_region.stepwise.weight',
      stepwise.estimator === 'none' && stepwise.weight !== 0,
      'trust_region.stepwise.estimator is none',
    ],
    ['trust_region.beta.target', constant, 'trust_region.beta.controller is constant'],
    ['trust_region.beta.minimum', constant, 'trust_region.beta.controller is constant'],
    ...betaKeys.map((name): Idle => [`trust_region.beta.${name}`, off, nothing]),
  ];
}

function idleInExploration({ exploration, sampling }: Config): Idle[] {
  const { kernel, window, last_step: lastStep } = exploration;
  const other = kernel !== 'sage';
  const early = window !== null && window.last < sampling.steps - 1;
  return [
    ['exploration.clamp_both_ends', exploration.clamp_both_ends && other, `exploration.kernel is ${kernel}`],
    ['exploration.sigma_max', exploration.sigma_max !== 0.997 && other, `exploration.kernel is ${kernel}`],
    ['exploration.last_step', lastStep === 'noise' && kernel === 'cps', 'cps draws no noise at the last step'],
    [
      'exploration.last_step',
      lastStep === 'noise' && kernel !== 'cps' && early,
      'exploration.window ends before the last step',
    ],
    ['sampling.train_guidance', !sampling.train_guidance && sampling.guidance === 1, 'sampling.guidance is 1'],
  ];
}

/** Of the torch backend; onnx reads none of them. */
function idleInTorch(config: Config): Idle[] {
  const { policy, sampling, reward } = config;
  if (policy.backend !== 'torch') return [];
  const lora = policy.adapter.kind === 'lora';
  const used: readonly string[] = [...rewardModels(config), ...heldOutMetrics(config)];
  return [
    ...['rank', 'alpha'].map((name): Idle => [`policy.adapter.${name}`, !lora, 'policy.adapter.kind is none']),
    ['policy.offload_anchor', lora, 'policy.adapter.kind is lora, whose anchor is a second adapter'],
    ['policy.guidance_batching', sampling.guidance === 1, 'sampling.guidance is 1, which has one branch'],
    ...Object.entries(reward.checkpoints).map(([name, from]): Idle => [
      `reward.checkpoints.${name}`,
      from !== null && !used.includes(name),
      `neither reward.model nor reward.held_out names ${name}`,
    ]),
  ];
}

function idleElsewhere({ equalizer, videos }: Config): Idle[] {
  const unmeasured = equalizer.mode !== 'measured';
  return [
    ...['decay', 'warmup'].map((name): Idle => [
      `equalizer.${name}`,
      unmeasured,
      `equalizer.mode is ${equalizer.mode}`,
    ]),
    ...['per_prompt', 'evaluation', 'scale', 'quality'].map((name): Idle => [
      `videos.${name}`,
      videos.every === 0,
      'videos.every is 0, which writes none',
    ]),
  ];
}

/** Keys that are written but do nothing, because of another key. */
const checkNoEffect =
  (...idleIn: ((config: Config) => Idle[])[]): Rule['check'] =>
  ({ config, written, warn }) => {
    for (const [path, idle, because] of idleIn.flatMap((find) => find(config)))
      if (idle && written(path))
        warn('no-effect', path, `${path} has no effect, because ${because}.`, 'Remove the line, or change the other.', [
          likely(removeKey(path)),
        ]);
  };

/** Weights of the trust region that switch off what another key asks for. */
function checkZeroWeights({ config, warn }: RuleContext): void {
  const { anchor, stepwise, beta } = config.trust_region;
  if (anchor.mode !== 'none' && anchor.weight === 0)
    warn(
      'no-effect',
      'trust_region.anchor.weight',
      'The anchor is kept but its weight is 0, so it holds nothing.',
      'Write `mode: none` to save its cost, or give it a weight.',
      [likely(setKey('trust_region.anchor.mode', 'none')), setKey('trust_region.anchor.weight', 1)],
    );
  if (stepwise.estimator !== 'none' && stepwise.weight === 0)
    warn(
      'no-effect',
      'trust_region.stepwise.weight',
      'The stepwise KL has weight 0, so it holds nothing.',
      'Write `estimator: none`, or give it a weight.',
      [likely(setKey('trust_region.stepwise.estimator', 'none')), setKey('trust_region.stepwise.weight', 0.1)],
    );
  if (beta.weight === 0 && !withoutTrustRegion(config))
    warn(
      'no-effect',
      'trust_region.beta.weight',
      'β is 0, which switches the whole trust region off.',
      'Write `anchor: {mode: none}` and `stepwise: {estimator: none}` to say so, and remove `beta`, or give β a weight.',
      [switchOff, setKey('trust_region.beta.weight', 1e-5)],
    );
}

/** A controller needs room to move β in. */
function checkController({ config, written, warn }: RuleContext): void {
  const { controller, minimum, weight } = config.trust_region.beta;
  if (controller === 'constant' || weight === 0 || minimum !== weight || withoutTrustRegion(config)) return;
  const paths = ['trust_region.beta.controller', 'trust_region.beta.minimum', 'trust_region.beta.weight'];
  const path = paths.find(written);
  if (path === undefined) return;
  warn(
    'no-effect',
    path,
    `The ${controller} controller cannot move β, because its minimum and its weight, the largest value, are both ${weight}.`,
    'Write `controller: constant`, or a smaller `minimum`.',
    [
      setKey('trust_region.beta.controller', 'constant'),
      likely(setKey('trust_region.beta.minimum', Number((weight / 100).toPrecision(12)))),
    ],
  );
}

export const idleRules: Rule[] = [
  {
    needs: ['trust_region', 'equalizer', 'exploration', 'sampling', 'videos'],
    check: checkNoEffect(idleInTrustRegion, idleInExploration, idleElsewhere),
  },
  {
    needs: ['policy', 'sampling.guidance', 'reward.model', 'reward.held_out', 'reward.checkpoints'],
    check: checkNoEffect(idleInTorch),
  },
  { needs: ['trust_region'], check: checkZeroWeights },
  { needs: ['trust_region.beta', 'trust_region.anchor', 'trust_region.stepwise'], check: checkController },
];
