// Prints kernel tables, equalizers and loss terms of engine/method for the worker's tests:
// node test/worker/python/method_vectors.mjs > test/worker/python/method_vectors.json
import { analyticEqualizer } from '../../../engine/method/equalizer.ts';
import { kernelTable } from '../../../engine/method/kernels.ts';
import { logProbCoefficients } from '../../../engine/method/logprob.ts';
import { clippedSurrogate, klAnchorScale, klStep } from '../../../engine/method/surrogate.ts';

// The options of test/vectors/kernels.json, and one short schedule as a run has it.
const options = [
  ...['sage', 'flow_grpo', 'dance_grpo', 'cps'].map((kernel) => ({ kernel, steps: 20, shift: 5, eta: 0.5, lastStep: 'noise' })),
  { kernel: 'sage', steps: 10, shift: 3, eta: 0.7, lastStep: 'noise' },
  { kernel: 'ode', steps: 10, shift: 3, eta: 0 },
  ...['sage', 'flow_grpo', 'dance_grpo', 'cps', 'ode'].map((kernel) => ({ kernel, steps: 6, shift: 3, eta: 0.6 })),
];

const tables = options.map((one) => {
  const table = kernelTable(one);
  const equalizer = one.kernel === 'ode' ? table.steps.map(() => null) : analyticEqualizer(table);
  const steps = table.steps.map(({ a, b, s, sigma }, k) => {
    const line = s > 0 ? logProbCoefficients(table, k) : { scale: null, offset: null };
    return { a, b, s, sigma, logprob_scale: line.scale, logprob_offset: line.offset, equalizer: equalizer[k], kl_scale: klAnchorScale(s) };
  });
  return { ...one, table: steps };
});

const changes = [0, 3e-5, -3e-5, 2e-3, -2e-3, 0.05, -0.4];
const terms = changes.flatMap((change) =>
  [1.3, -0.7, 0].map((advantage) => {
    const [old, clip] = [-0.8, 1e-3];
    const surrogate = clippedSurrogate(Math.exp(change), advantage, clip);
    const kl = (estimator) => klStep(old, old + change, estimator);
    return { change, old, clip, advantage, loss: surrogate.loss, clipped: surrogate.clipped, k1: kl('k1'), k3: kl('k3') };
  }),
);
process.stdout.write(JSON.stringify({ tables, terms }) + '\n');
