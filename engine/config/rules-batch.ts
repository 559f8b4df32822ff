import type { Fix } from './diagnostics.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import { countExplored, kernelKeys } from './rules-method.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { Config } from './schema.ts';
import { oneOf } from './text.ts';

/** Divisors of n, ascending. */
export function divisors(n: number): number[] {
  const small: number[] = [];
  for (let d = 1; d * d <= n; d++) if (n % d === 0) small.push(d);
  return [...small, ...small.map((d) => n / d).filter((d) => d * d !== n)].sort((a, b) => a - b);
}

/** The nearest numbers below and above `value` that pass, from `minimum` to `maximum`. */
function nearest(value: number, passes: (n: number) => boolean, minimum: number, maximum: number): number[] {
  const found: number[] = [];
  for (let n = Math.min(value, maximum); n >= minimum; n--)
    if (passes(n)) {
      found.push(n);
      break;
    }
  for (let n = Math.max(value, minimum) + 1; n <= Math.min(maximum, value * 4 + 4096); n++)
    if (passes(n)) {
      found.push(n);
      break;
    }
  return found;
}

/** Ways to put a number right, each "KEY to N": as the remedy says them, and as fixes. */
interface Way {
  text: string;
  fixes: Fix[];
}

/** "KEY to N or M" of numbers that would do; null where there is none. */
function way(key: string, numbers: number[], all = ''): Way | null {
  if (numbers.length === 0) return null;
  return { text: `${key} to ${oneOf(numbers)}${all}`, fixes: numbers.map((n) => likely(setKey(key, n))) };
}

/** Numbers that divide `total`, nearest to `value` first said, then all when they are few. */
function nearestDivisors(key: string, value: number, total: number): Way | null {
  const valid = divisors(total);
  const near = nearest(value, (n) => total % n === 0, 1, total);
  return way(key, near, valid.length > near.length && valid.length <= 16 ? ` (valid: ${valid.join(', ')})` : '');
}

/** The remedy "Set A, or B." and its fixes. */
function ways(...all: (Way | null)[]): [remedy: string, fixes: Fix[]] {
  const found = all.filter((each) => each !== null);
  return [`Set ${found.map(({ text }) => text).join(', or ')}.`, found.flatMap(({ fixes }) => fixes)];
}

interface Batch {
  samples: number;
  /** Data-parallel degree: groups of devices that each take other samples. Null when devices do not divide. */
  degree: number | null;
  shown: string;
}

function batchOf({ policy, rollout }: Config): Batch {
  const { prompts_per_iteration: prompts, generations } = rollout;
  const whole = policy.devices % policy.sequence_parallel === 0;
  return {
    samples: prompts * generations,
    degree: whole ? policy.devices / policy.sequence_parallel : null,
    shown: `${prompts} prompt${prompts === 1 ? '' : 's'} × ${generations} generations are ${prompts * generations} samples`,
  };
}

/** The tokens of a video stay on one device in this version. */
function checkSequenceParallel({ config, error }: RuleContext): void {
  const { sequence_parallel: parallel } = config.policy;
  if (parallel === 1) return;
  error(
    'sequence-parallel',
    'policy.sequence_parallel',
    `policy.sequence_parallel is ${parallel}, but this version computes each video on one GPU.`,
    'Write 1, or remove the line. Where a video is too large for a GPU, sample fewer frames or a smaller size.',
    [likely(setKey('policy.sequence_parallel', 1)), removeKey('policy.sequence_parallel')],
  );
}

/** Other numbers of prompts and generations whose product is a multiple of `divisor`. */
function otherRollouts({ rollout }: Config, divisor: number): (Way | null)[] {
  const { prompts_per_iteration: prompts, generations } = rollout;
  const otherPrompts = nearest(prompts, (n) => (n * generations) % divisor === 0, 1, 100_000);
  const otherGenerations = nearest(generations, (n) => (n * prompts) % divisor === 0, 2, 4096);
  return [way('rollout.prompts_per_iteration', otherPrompts), way('rollout.generations', otherGenerations)];
}

function checkDataParallel({ config, error, firstGiven }: RuleContext): void {
  const { samples, degree, shown } = batchOf(config);
  if (degree === null || samples % degree === 0) return;
  const { devices, sequence_parallel: parallel } = config.policy;
  const made = parallel === 1 ? `${degree} devices` : `${devices} devices / ${parallel} a video = ${degree}`;
  error(
    'data-parallel',
    firstGiven('rollout.generations', 'rollout.prompts_per_iteration', 'policy.devices'),
    `${shown}, which do not divide among ${degree} data-parallel ranks (${made}).`,
    ...ways(...otherRollouts(config, degree).toReversed(), ...otherDevices(config, samples)),
  );
}

/** Other numbers of devices whose data-parallel ranks share so many samples evenly. */
function otherDevices({ policy }: Config, samples: number): (Way | null)[] {
  const { devices, sequence_parallel: parallel } = policy;
  const fits = (n: number) => n % parallel === 0 && samples % (n / parallel) === 0;
  return [way('policy.devices', nearest(devices, fits, parallel, 65536))];
}

function checkMicroBatch({ config, error, firstGiven }: RuleContext): void {
  const { samples, degree, shown } = batchOf(config);
  const size = config.training.micro_batch;
  if (degree === null || samples % degree !== 0 || (samples / degree) % size === 0) return;
  const each = samples / degree;
  const shares = degree === 1 ? shown : `${shown}, ${each} on each of ${degree} data-parallel ranks`;
  error(
    'micro-batch',
    firstGiven('training.micro_batch', 'rollout.generations', 'rollout.prompts_per_iteration'),
    `${shares}, which training.micro_batch, ${size}, does not divide.`,
    ...ways(nearestDivisors('training.micro_batch', size, each), ...otherRollouts(config, size * degree)),
  );
}

/** Every iteration makes whole updates: samples a rank / micro_batch × trained steps is a multiple of `accumulation`. */
function checkAccumulation({ config, error, firstGiven }: RuleContext): void {
  const { samples, degree } = batchOf(config);
  const { micro_batch: size, accumulation } = config.training;
  const explored = countExplored(config);
  if (degree === null || (samples / degree) % size !== 0 || !explored) return;
  const steps = Math.min(config.training.steps_per_sample ?? explored, explored);
  const batches = samples / degree / size;
  if ((batches * steps) % accumulation === 0) return;
  error(
    'accumulation',
    firstGiven('training.accumulation', 'training.micro_batch'),
    `An iteration has ${batches} micro-batch${batches === 1 ? '' : 'es'} × ${steps} trained steps = ${batches * steps} backward passes, which training.accumulation, ${accumulation}, does not divide.`,
    ...ways(nearestDivisors('training.accumulation', accumulation, batches * steps)),
  );
}

function checkGroupSize({ config, warn }: RuleContext): void {
  if (config.rollout.generations !== 2) return;
  warn(
    'small-group',
    'rollout.generations',
    'In a group of 2 every advantage is +1 or −1, however small the difference.',
    'Sample 4 generations or more; 8 is usual.',
    [likely(setKey('rollout.generations', 4)), setKey('rollout.generations', 8)],
  );
}

const sizes = ['policy.model', 'rollout.prompts_per_iteration', 'rollout.generations'];
const devices = ['policy.devices', 'policy.sequence_parallel'];

export const batchRules: Rule[] = [
  { needs: devices, check: checkSequenceParallel },
  { needs: [...sizes, ...devices], check: checkDataParallel },
  { needs: [...sizes, ...devices, 'training.micro_batch'], check: checkMicroBatch },
  {
    needs: [
      ...sizes,
      ...devices,
      ...kernelKeys,
      'training.micro_batch',
      'training.accumulation',
      'training.steps_per_sample',
    ],
    check: checkAccumulation,
  },
  { needs: ['rollout.generations'], check: checkGroupSize },
];
