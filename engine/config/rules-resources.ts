import { statfsSync } from 'node:fs';
import { gpus, type Gpu } from './estimate/devices.ts';
import { diskOf } from './estimate/disk.ts';
import { gpuMemory, type MemoryEstimate } from './estimate/memory.ts';
import { partName } from './estimate/text.ts';
import { bytesWords } from './estimate/words.ts';
import { workloadOf } from './estimate/workload.ts';
import type { Fix } from './diagnostics.ts';
import { likely, setKey, setKeys } from './fixes.ts';
import { countExplored } from './rules-method.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { Config } from './schema.ts';
import { flowText, oneOf } from './text.ts';

/** A change that saves memory. */
interface Saving {
  path: string;
  value: unknown;
  /** With it. */
  config: Config;
}

/** Peak memory of one usual GPU, where passes take as few rows as it has room for. No saving changes the explored steps. */
type Estimated = (config: Config) => MemoryEstimate;

function estimator(config: Config): Estimated {
  const explored = countExplored(config) ?? config.sampling.steps;
  return (changed) => gpuMemory(changed, workloadOf(changed, { explored }), gpus.h100.memory);
}

const withPolicy = (config: Config, policy: Partial<Config['policy']>): Config => ({
  ...config,
  policy: { ...config.policy, ...policy },
});

/** Changes that leave what is learnt as it is, or nearly, the least first. */
function savings(config: Config): Saving[] {
  const { policy, sampling } = config;
  const found: Saving[] = [];
  const add = (path: string, value: unknown, changed: Config) => void found.push({ path, value, config: changed });
  if (!policy.activation_checkpointing)
    add('policy.activation_checkpointing', true, withPolicy(config, { activation_checkpointing: true }));
  if (policy.adapter.kind === 'none')
    add('policy.adapter.kind', 'lora', withPolicy(config, { adapter: { ...policy.adapter, kind: 'lora' } }));
  for (const frames of [61, 41, 21])
    if (frames < sampling.frames) add('sampling.frames', frames, { ...config, sampling: { ...sampling, frames } });
  const rollouts = config.rollout.prompts_per_iteration * config.rollout.generations;
  for (let n = policy.devices * 2; n <= 64 * policy.devices && rollouts % (n / policy.sequence_parallel) === 0; n *= 2)
    add('policy.devices', n, withPolicy(config, { devices: n }));
  return found;
}

const said = ({ path, value }: Saving) => `${path} to ${flowText(value)}`;

/** Changes of which each alone makes it fit, of several values of a key the first, and what is then needed. */
function enough(config: Config, bytes: number, estimateOf: Estimated): (Saving & { total: number })[] {
  const fitting = savings(config).flatMap((saving) => {
    const { total } = estimateOf(saving.config);
    return total <= bytes ? [{ ...saving, total }] : [];
  });
  return fitting.filter((saving, i) => fitting.findIndex(({ path }) => path === saving.path) === i).slice(0, 4);
}

/** Where no change is enough by itself: several, taken on one by one where they save something, until it fits. */
function enoughTogether(config: Config, bytes: number, estimateOf: Estimated): Saving[] | null {
  const taken = new Map<string, Saving>();
  let current = config;
  let needed = estimateOf(config).total;
  while (needed > bytes) {
    const before = needed;
    const next = savings(current).find((saving) => (needed = estimateOf(saving.config).total) < before);
    if (next === undefined || taken.size > 12) return null;
    taken.set(next.path, next);
    current = next.config;
  }
  return [...taken.values()];
}

function remedyFor(config: Config, { title, memory }: Gpu, estimateOf: Estimated): { text: string; fixes: Fix[] } {
  const alone = enough(config, memory, estimateOf);
  if (alone.length > 0) {
    const ways = alone.map((saving) => `${said(saving)} (${bytesWords(saving.total)})`);
    const fixes = alone.map(({ path, value, total }) => likely(setKey(path, value, `(${bytesWords(total)})`)));
    return { text: `To fit ${title}, set ${oneOf(ways)}.`, fixes };
  }
  const together = enoughTogether(config, memory, estimateOf);
  if (together === null) return { text: 'Write fewer frames or a smaller height and width.', fixes: [] };
  const fix = setKeys(...together.map(({ path, value }): [string, unknown] => [path, value]));
  return { text: `To fit ${title}, set ${oneOf(together.map(said), 'and')}.`, fixes: [likely(fix)] };
}

/** The parts that take most at the peak. */
function largestParts({ parts, stage }: MemoryEstimate): string {
  const there = parts.filter((part) => part.stage === null || part.stage === stage);
  const largest = there.toSorted((a, b) => b.bytes - a.bytes).slice(0, 3);
  return oneOf(
    largest.map(({ part, bytes }) => `${bytesWords(bytes)} ${partName(part)}`),
    'and',
  );
}

function checkMemory({ config, error, warn, firstGiven }: RuleContext): void {
  if (config.policy.backend !== 'torch' || config.policy.model === 'shapes') return;
  const estimateOf = estimator(config);
  const estimate = estimateOf(config);
  const { total } = estimate;
  const most = Object.values(gpus).reduce((largest, gpu) => (gpu.memory > largest.memory ? gpu : largest));
  const usual = gpus.h100;
  if (total <= usual.memory) return;
  const tooMuch = total > most.memory;
  const gpu = tooMuch ? most : usual;
  const remedy = remedyFor(config, usual, estimateOf);
  const say = tooMuch ? error : warn;
  say(
    'memory',
    firstGiven('policy.devices', 'policy.adapter', 'policy.model'),
    `Training needs an estimated ${bytesWords(total)} on ${config.policy.devices === 1 ? 'the' : 'each'} GPU, ` +
      `${largestParts(estimate)} among it; ${gpu.title} has ${bytesWords(gpu.memory)}.`,
    `${remedy.text} An estimate of the config shows every part.`,
    remedy.fixes,
  );
}

function checkDisk({ config, baseFolder, checkFiles, freeBytes, warn, firstGiven }: RuleContext): void {
  const free = freeBytes === undefined ? (checkFiles ? freeIn(baseFolder) : null) : freeBytes;
  const { checkpoints, checkpointBytes, total } = diskOf(config, workloadOf(config));
  if (free === null || total <= free) return;
  const room = Math.floor((free - (total - (checkpoints + 1) * checkpointBytes)) / checkpointBytes);
  const kept = room - 1 - (config.checkpoints.keep_best ? 1 : 0);
  warn(
    'disk',
    firstGiven('checkpoints.keep', 'checkpoints.every', 'policy.model'),
    `The run needs an estimated ${bytesWords(total)} of disk, ${checkpoints + 1} checkpoints of ${bytesWords(checkpointBytes)} among it; ` +
      `there are ${bytesWords(free)} free beside the config.`,
    kept >= 1
      ? `Write \`keep: ${kept}\` or less, or free some space.`
      : 'Free some space, or keep the runs on another disk.',
    kept >= 1 ? [likely(setKey('checkpoints.keep', kept))] : [],
  );
}

/** Bytes that may still be written beside the config; null where the system does not tell. */
function freeIn(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}

const estimated = ['policy', 'prompts', 'sampling', 'exploration', 'rollout', 'training', 'trust_region', 'evaluation'];

export const resourceRules: Rule[] = [
  { needs: estimated, check: checkMemory },
  { needs: [...estimated, 'checkpoints', 'videos'], check: checkDisk },
];
