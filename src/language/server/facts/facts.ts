import type { ConfigText } from '../config-text.ts';
import { isTrusted } from '../trusted.ts';
import { explorationFacts } from './exploration.ts';
import { hereOf, type Fact } from './here.ts';
import { learningFacts } from './learning.ts';
import { modelFacts } from './model.ts';
import { outputFacts } from './output.ts';
import { trustRegionFacts } from './trust-region.ts';

/** What keys do in a config at hand, by their paths. */
export const facts: Readonly<Record<string, Fact>> = {
  ...modelFacts,
  ...explorationFacts,
  ...learningFacts,
  ...trustRegionFacts,
  ...outputFacts,
};

/** What a key does in this config. */
export interface Said {
  sentences: string[];
  table: string | null;
}

const known = new WeakMap<ConfigText, Map<string, Said>>();

/** What a key does in this config; nothing where a value that it depends on is refused. */
export function factsOf(config: ConfigText, path: string): Said {
  const before = known.get(config) ?? new Map<string, Said>();
  known.set(config, before);
  const said = before.get(path) ?? findFacts(config, path);
  before.set(path, said);
  return said;
}

function findFacts(config: ConfigText, path: string): Said {
  const fact = Object.hasOwn(facts, path) ? facts[path] : undefined;
  const here = hereOf(config);
  if (fact === undefined || here === null || !isTrusted(config.analysis, fact.needs))
    return { sentences: [], table: null };
  const sentences = fact.say(here).filter((sentence) => typeof sentence === 'string');
  return { sentences, table: fact.table?.(here) ?? null };
}
