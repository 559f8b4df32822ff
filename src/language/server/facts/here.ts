import { dirname } from 'node:path';
import { planIteration, plannedTable, type IterationPlan } from '../../../../engine/config/plan.ts';
import { readPrompts } from '../../../../engine/config/prompts.ts';
import type { Config } from '../../../../engine/config/schema.ts';
import type { KernelTable } from '../../../../engine/method/kernels.ts';
import type { ConfigText } from '../config-text.ts';
import { estimateOf, type Estimates } from '../estimates.ts';

/** A config and what follows from it, each computed when it is first asked for. */
export interface Here {
  readonly config: Config;
  /** Null where the kernel is not valid on this schedule. */
  readonly table: KernelTable | null;
  /** Null where an iteration cannot be divided as the config says. */
  readonly plan: IterationPlan | null;
  readonly estimates: Estimates | null;
  /** Number of prompts that are trained on, or that are evaluated; null where they cannot be read. */
  prompts(of: 'prompts' | 'evaluation.prompts'): number | null;
}

/** One thing that a key does in a config at hand. */
export interface Fact {
  /** Paths on which it depends; with an error at one of them nothing is said. */
  needs: readonly string[];
  /** Sentences; what is null or false is left out. */
  say(here: Here): (string | null | false)[];
  /** A table in Markdown beneath them. */
  table?(here: Here): string | null;
}

/** What decides which steps are explored, and how. */
export const kernelNeeds = ['policy.model', 'sampling.steps', 'sampling.shift', 'exploration'];

/** What decides how an iteration is divided. */
export const planNeeds = [
  ...kernelNeeds,
  'policy.devices',
  'policy.sequence_parallel',
  'rollout.prompts_per_iteration',
  'rollout.generations',
  'training.micro_batch',
  'training.accumulation',
  'training.steps_per_sample',
];

const known = new WeakMap<Config, Here>();

/** What follows from a config; null where it has none. */
export function hereOf({ analysis: { config }, file }: ConfigText): Here | null {
  if (config === null) return null;
  const before = known.get(config);
  if (before !== undefined) return before;
  let table: KernelTable | null | undefined;
  let plan: IterationPlan | null | undefined;
  let estimates: Estimates | null | undefined;
  const counts = new Map<string, number | null>();
  const here: Here = {
    config,
    get table() {
      return table === undefined ? (table = plannedTable(config)) : table;
    },
    get plan() {
      return plan === undefined ? (plan = planIteration(config)) : plan;
    },
    get estimates() {
      if (estimates === undefined) estimates = estimateOf(config, here.prompts('evaluation.prompts'));
      return estimates;
    },
    prompts(of) {
      if (!counts.has(of)) counts.set(of, countPrompts(config, of, file));
      return counts.get(of)!;
    },
  };
  known.set(config, here);
  return here;
}

function countPrompts(config: Config, of: 'prompts' | 'evaluation.prompts', file: string | null): number | null {
  const source = (of === 'prompts' ? null : config.evaluation.prompts) ?? config.prompts;
  if (source === 'all' && config.policy.model !== 'shapes') return null;
  if (typeof source === 'object' && !Array.isArray(source) && file === null) return null;
  const read = readPrompts(source, file === null ? '' : dirname(file));
  return 'entries' in read ? read.entries.length : null;
}
