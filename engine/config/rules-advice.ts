import type { Fix } from './diagnostics.ts';
import { likely, setKey, setKeys } from './fixes.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { Config } from './schema.ts';

function checkIntervals({ config, written, warn }: RuleContext): void {
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
    if (written(path) && every > iterations)
      warn(
        'interval-beyond-run',
        path,
        `${path} is ${every}, but the run has only ${iterations} iteration${iterations === 1 ? '' : 's'}: ${consequence}.`,
        `Write ${iterations} or less.`,
        [likely(setKey(path, iterations))],
      );
}

function checkBeta({ config, error, firstGiven }: RuleContext): void {
  const { initial, minimum, weight } = config.trust_region.beta;
  const above = Object.entries({ initial, minimum }).filter(([, value]) => value > weight);
  if (above.length === 0) return;
  const paths = above.map(([name]) => `trust_region.beta.${name}`);
  const said = above.map(([, value], i) => `${paths[i]} is ${value}`).join(' and ');
  const lower = setKeys(...paths.map((path): [string, number] => [path, weight]));
  const path = firstGiven(...paths, 'trust_region.beta.weight');
  const message = `${said}, above trust_region.beta.weight, ${weight}, which is the largest value of β.`;
  if (weight === 0) {
    const remedy =
      'To switch the trust region off, write `anchor: {mode: none}` and `stepwise: {estimator: none}`, and remove `beta`.';
    return error('beta-range', path, message, remedy, [likely(switchOff), lower]);
  }
  const largest = Math.max(...above.map(([, value]) => value));
  const lines = above.map(([name]) => `\`${name}: ${weight}\``).join(' and ');
  const remedy = `Write ${lines} or less, or \`weight: ${largest}\` or more.`;
  error('beta-range', path, message, remedy, [likely(lower), setKey('trust_region.beta.weight', largest)]);
}

/** No trust region, and nothing said of β, which then does nothing. */
export const switchOff: Fix = {
  title: 'Switch the trust region off: no anchor and no stepwise KL',
  edits: [
    { kind: 'set', path: 'trust_region.anchor.mode', value: 'none' },
    { kind: 'set', path: 'trust_region.stepwise.estimator', value: 'none' },
    { kind: 'remove', path: 'trust_region.beta' },
  ],
};

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
    [
      likely(setKey('training.learning_rate', usual, '(usual)')),
      setKey('training.learning_rate', rate < low ? low : high, '(the nearest customary value)'),
    ],
  );
}

export const adviceRules: Rule[] = [
  { needs: ['training.iterations', 'checkpoints.every', 'evaluation.every', 'videos.every'], check: checkIntervals },
  { needs: ['trust_region.beta'], check: checkBeta },
  { needs: ['policy.model', 'policy.adapter.kind', 'training.learning_rate'], check: checkLearningRate },
];
