import type { Rule, RuleContext } from './rule.ts';
import type { Config } from './schema.ts';

function checkIntervals({ config, given, warn }: RuleContext): void {
  const { iterations } = config.training;
  const intervals: [path: string, every: number, consequence: string][] = [
    [
      'checkpoints.every',
      config.checkpoints.every,
      'the only checkpoints are those at the start, at the end and at the best evaluation',
    ],
    ['evaluation.every', config.evaluation.every, 'the policy is only evaluated before and after training'],
    ['videos.every', config.videos.every, 'only the first and the last iteration write their rollouts'],
  ];
  for (const [path, every, consequence] of intervals)
    if (given(path) && every > iterations)
      warn(
        'interval-beyond-run',
        path,
        `${path} is ${every}, but the run has only ${iterations} iteration${iterations === 1 ? '' : 's'}: ${consequence}.`,
        `Write ${iterations} or less.`,
      );
}

function checkBeta({ config, error, firstGiven }: RuleContext): void {
  const { initial, minimum, weight } = config.trust_region.beta;
  for (const [name, value] of [
    ['initial', initial],
    ['minimum', minimum],
  ] as const) {
    if (value <= weight) continue;
    const off = 'To switch the trust region off, write `anchor: {mode: none}` and `stepwise: {estimator: none}`.';
    error(
      'beta-range',
      firstGiven(`trust_region.beta.${name}`, 'trust_region.beta.weight'),
      `trust_region.beta.${name} is ${value}, above trust_region.beta.weight, ${weight}, which is the largest value of β.`,
      weight === 0 ? off : `Write \`${name}: ${weight}\` or less, or a larger weight.`,
    );
  }
}

/** Customary ranges, not measured limits: below them the weights hardly move, above them training tends to diverge. */
function usualRates({ policy }: Config): { low: number; high: number; usual: number; what: string } {
  if (policy.model === 'shapes') return { low: 1e-6, high: 3e-3, usual: 1e-4, what: 'the Shapes model' };
  if (policy.adapter.kind === 'lora') return { low: 1e-6, high: 1e-3, usual: 1e-4, what: 'a LoRA adapter' };
  return { low: 1e-7, high: 1e-4, usual: 1e-5, what: 'full fine-tuning' };
}

function checkLearningRate({ config, warn }: RuleContext): void {
  const rate = config.training.learning_rate;
  const { low, high, usual, what } = usualRates(config);
  if (rate >= low && rate <= high) return;
  const outcome = rate < low ? 'hardly anything is learnt' : 'the policy tends to fall apart';
  warn(
    'learning-rate',
    'training.learning_rate',
    `A learning rate of ${rate} is far ${rate < low ? 'below' : 'above'} what is customary for ${what}: ${outcome}.`,
    `Write a value between ${low} and ${high}; ${usual} is usual.`,
  );
}

/** Keys that are written but do nothing, because of another key. */
function checkNoEffect({ config, given, warn }: RuleContext): void {
  const { anchor, stepwise, beta } = config.trust_region;
  const { kernel } = config.exploration;
  const torch = config.policy.backend === 'torch';
  const idle: [path: string, idle: boolean, because: string][] = [
    ['trust_region.anchor.weight', anchor.mode === 'none' && anchor.weight !== 0, 'trust_region.anchor.mode is none'],
    ['trust_region.anchor.interval', anchor.mode !== 'moving', `trust_region.anchor.mode is ${anchor.mode}`],
    [
      'trust_region.stepwise.weight',
      stepwise.estimator === 'none' && stepwise.weight !== 0,
      'trust_region.stepwise.estimator is none',
    ],
    ['trust_region.beta.target', beta.controller === 'constant', 'trust_region.beta.controller is constant'],
    ['equalizer.decay', config.equalizer.mode !== 'measured', `equalizer.mode is ${config.equalizer.mode}`],
    ['equalizer.warmup', config.equalizer.mode !== 'measured', `equalizer.mode is ${config.equalizer.mode}`],
    [
      'exploration.clamp_both_ends',
      config.exploration.clamp_both_ends && kernel !== 'sage',
      `exploration.kernel is ${kernel}`,
    ],
    ['policy.adapter.rank', torch && config.policy.adapter.kind === 'none', 'policy.adapter.kind is none'],
    ['policy.adapter.alpha', torch && config.policy.adapter.kind === 'none', 'policy.adapter.kind is none'],
  ];
  for (const [path, isIdle, because] of idle)
    if (isIdle && given(path))
      warn('no-effect', path, `${path} has no effect, because ${because}.`, 'Remove the line, or change the other.');
  if (anchor.mode !== 'none' && anchor.weight === 0)
    warn(
      'no-effect',
      'trust_region.anchor.weight',
      'The anchor is kept but its weight is 0, so it holds nothing.',
      'Write `mode: none` to save its cost, or give it a weight.',
    );
  if (stepwise.estimator !== 'none' && stepwise.weight === 0)
    warn(
      'no-effect',
      'trust_region.stepwise.weight',
      'The stepwise KL has weight 0, so it holds nothing.',
      'Write `estimator: none`, or give it a weight.',
    );
  if (beta.weight === 0)
    warn(
      'no-effect',
      'trust_region.beta.weight',
      'β is 0, which switches the whole trust region off.',
      'Write `anchor: {mode: none}` and `stepwise: {estimator: none}` to say so, or give β a weight.',
    );
}

export const adviceRules: Rule[] = [
  { needs: ['training.iterations', 'checkpoints.every', 'evaluation.every', 'videos.every'], check: checkIntervals },
  { needs: ['trust_region.beta'], check: checkBeta },
  { needs: ['policy.model', 'policy.adapter.kind', 'training.learning_rate'], check: checkLearningRate },
  { needs: ['policy.backend', 'policy.adapter', 'trust_region', 'equalizer', 'exploration'], check: checkNoEffect },
];
