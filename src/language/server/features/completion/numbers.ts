import { modelNames } from '../../../../../engine/config/key.ts';
import { countExplored } from '../../../../../engine/config/rules-method.ts';
import type { Config } from '../../../../../engine/config/schema.ts';
import { defaultFor, type KeyInfo } from '../../../../../engine/config/walk.ts';
import { sigmaSchedule } from '../../../../../engine/method/schedule.ts';
import type { Around } from './around.ts';
import { Kind, showPlain, type Offer } from './item.ts';

/** A number that the rest of the config allows, and what it would mean. */
type Meaning = [value: number, meaning: string];

/** More are no help. */
const most = 48;

const plural = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`;
const upTo = (n: number) => Array.from({ length: Math.max(0, Math.min(n, most)) }, (_, i) => i + 1);

function divisors(n: number): number[] {
  const small: number[] = [];
  for (let d = 1; d * d <= n && small.length < most; d++) if (n % d === 0) small.push(d);
  return [...new Set([...small, ...small.map((d) => n / d)])].sort((a, b) => a - b);
}

/** Data-parallel ranks and the samples of each; null where they do not divide. */
function ranksOf({ policy, rollout }: Config): { ranks: number; each: number } | null {
  const ranks = policy.devices / policy.sequence_parallel;
  const each = (rollout.prompts_per_iteration * rollout.generations) / ranks;
  return Number.isInteger(ranks) && Number.isInteger(each) ? { ranks, each } : null;
}

function trainedSteps(config: Config): number {
  const explored = countExplored(config) ?? 0;
  return Math.min(config.training.steps_per_sample ?? explored, explored);
}

function microBatches(config: Config): Meaning[] {
  const shares = ranksOf(config);
  if (shares === null) return [];
  const where = shares.ranks === 1 ? '' : ` on each of ${shares.ranks} ranks`;
  return divisors(shares.each).map((n) => [
    n,
    `${plural(shares.each / n, 'micro-batch').replace(/hs$/, 'hes')}${where}`,
  ]);
}

function accumulations(config: Config): Meaning[] {
  const shares = ranksOf(config);
  const passes = shares === null ? 0 : (shares.each / config.training.micro_batch) * trainedSteps(config);
  return Number.isInteger(passes) && passes > 0
    ? divisors(passes).map((n) => [n, `${plural(passes / n, 'update')} an iteration`])
    : [];
}

function devices({ policy, rollout, training }: Config): Meaning[] {
  const samples = rollout.prompts_per_iteration * rollout.generations;
  const batches = samples / training.micro_batch;
  if (!Number.isInteger(batches)) return [];
  return divisors(batches).map((ranks) => [
    ranks * policy.sequence_parallel,
    `${plural(samples / ranks, 'video')} of an iteration on each${policy.sequence_parallel === 1 ? '' : ' rank'}`,
  ]);
}

/** Sizes of a rollout of which every rank gets whole micro-batches. */
function rollouts(config: Config, numbers: number[], other: number): Meaning[] {
  const { policy, training } = config;
  const divisor = (policy.devices / policy.sequence_parallel) * training.micro_batch;
  return numbers
    .filter((n) => Number.isInteger(divisor) && (n * other) % divisor === 0)
    .map((n) => [n, `${plural(n * other, 'video')} an iteration`]);
}

function steps(config: Config): Meaning[] {
  const { shift } = config.sampling;
  const explored = (n: number) => countExplored({ ...config, sampling: { ...config.sampling, steps: n } });
  const valid = upTo(most).filter((n) => (explored(n) ?? 0) > 0);
  const largest = valid.at(-1);
  const usual = [4, 5, 8, 10, 12, 15, 16, 20, 24, 25, 30, 40];
  return valid
    .filter((n) => usual.includes(n) || n === largest)
    .map((n) => [n, `${explored(n)} explored; σ after the first step ${sigmaSchedule(n, shift)[1].toFixed(3)}`]);
}

function schedule({ sampling }: Config): Meaning[] {
  const sigmas = sigmaSchedule(Math.min(sampling.steps, 1000), sampling.shift);
  return upTo(sampling.steps).map((n) => [n - 1, `from σ ${sigmas[n - 1].toFixed(3)} to ${sigmas[n].toFixed(3)}`]);
}

function every({ training }: Config, what: string): Meaning[] {
  const numbers = [1, 2, 5, 10, 20, 25, 50, 100].filter((n) => n <= training.iterations);
  const times = numbers.map((n): Meaning => [n, `${plural(Math.floor(training.iterations / n), what)} in the run`]);
  return [...times, [0, what === 'iteration' ? 'none' : 'only at the start and at the end']];
}

const sizes = (numbers: number[], meaning: string) => numbers.map((n): Meaning => [n, meaning]);
const realVideo = ({ policy }: Config) => policy.model !== 'shapes';

const advice: Record<string, (config: Config) => Meaning[]> = {
  'policy.devices': devices,
  'policy.sequence_parallel': ({ policy }) =>
    divisors(policy.devices).map((n) => [n, `${plural(policy.devices / n, 'data-parallel rank')}`]),
  'sampling.steps': steps,
  'sampling.frames': (config) =>
    realVideo(config) ? sizes([17, 33, 49, 65, 81, 97, 121], '4n + 1 frames') : [[8, 'fixed for shapes']],
  'sampling.height': (config) =>
    realVideo(config) ? sizes([256, 352, 480, 544, 720], 'a multiple of 16') : [[32, 'fixed for shapes']],
  'sampling.width': (config) =>
    realVideo(config) ? sizes([448, 624, 832, 960, 1280], 'a multiple of 16') : [[32, 'fixed for shapes']],
  'exploration.window.first': schedule,
  'exploration.window.last': schedule,
  'rollout.prompts_per_iteration': (config) =>
    rollouts(config, [1, 2, 4, 6, 8, 12, 16, 24, 32, 64], config.rollout.generations),
  'rollout.generations': (config) => rollouts(config, [4, 6, 8, 12, 16, 24, 32], config.rollout.prompts_per_iteration),
  'training.micro_batch': microBatches,
  'training.accumulation': accumulations,
  'training.steps_per_sample': (config) => {
    const explored = countExplored(config) ?? 0;
    return upTo(explored).map((n) => [n, `of ${plural(explored, 'explored step')}`]);
  },
  'evaluation.every': (config) => every(config, 'evaluation'),
  'checkpoints.every': (config) => every(config, 'checkpoint'),
  'videos.every': (config) => every(config, 'iteration'),
  'videos.per_prompt': ({ rollout }) =>
    upTo(rollout.generations).map((n) => [n, `of ${rollout.generations} generations`]),
};

/** Numbers that are worth offering: those that fit the rest of the config, and the defaults. */
export function numberOffers(around: Around, info: KeyInfo): Offer[] {
  if (info.kind !== 'integer' && info.kind !== 'number') return [];
  const usual = defaultFor(info, around.model);
  const advised = advice[info.path]?.(around.config) ?? [];
  const named = modelNames.flatMap((model): Meaning[] => {
    const value = defaultFor(info, model);
    return typeof value === 'number' ? [[value, `default for ${model}`]] : [];
  });
  const own = named.filter(([value]) => value === usual).slice(0, 1);
  const offers = advised.length > 0 ? advised : [...own, ...named.filter(([value]) => value !== usual)];
  const distinct = offers.filter(([value], i) => offers.findIndex(([other]) => other === value) === i);
  return distinct.map(([value, meaning]) => {
    const isDefault = value === usual;
    const detail = isDefault && !meaning.startsWith('default') ? `${meaning}; the default` : meaning;
    const text = showPlain(value);
    return {
      label: text,
      text,
      kind: Kind.Value,
      detail: isDefault && advised.length === 0 ? 'default' : detail,
      preselect: isDefault,
    };
  });
}
