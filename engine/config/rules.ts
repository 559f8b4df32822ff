import type { Finding } from './issues.ts';
import type { Resolved } from './resolve.ts';
import type { Rule, RuleContext } from './rule.ts';
import { adviceRules } from './rules-advice.ts';
import { batchRules } from './rules-batch.ts';
import { idleRules } from './rules-idle.ts';
import { methodRules } from './rules-method.ts';
import { modelRules } from './rules-model.ts';
import { promptRules } from './rules-prompts.ts';
import { resourceRules } from './rules-resources.ts';
import { rewardRules } from './rules-reward.ts';

/** Every rule between keys, in the order in which their findings are told where they share a place. */
export const rules: Rule[] = [
  ...modelRules,
  ...rewardRules,
  ...methodRules,
  ...batchRules,
  ...promptRules,
  ...adviceRules,
  ...idleRules,
  ...resourceRules,
];

/** What rules look at besides the values themselves. */
export type RuleSurroundings = Pick<
  RuleContext,
  'baseFolder' | 'checkFiles' | 'freeBytes' | 'readPrompts' | 'given' | 'written' | 'firstGiven'
>;

/** Findings of every rule whose keys are valid. */
export function checkRules(resolved: Resolved, surroundings: RuleSurroundings): Finding[] {
  const findings: Finding[] = [];
  const report =
    (severity: Finding['severity']): RuleContext['error'] =>
    (code, path, message, remedy, fixes) =>
      void findings.push({ severity, code: `config/${code}`, message, remedy, fixes, path, on: 'value' });
  const valid = (...paths: string[]) => paths.every((path) => isValid(path, resolved.invalid));
  const context: RuleContext = {
    ...surroundings,
    config: resolved.config,
    valid,
    error: report('error'),
    warn: report('warning'),
  };
  for (const rule of rules) if (valid(...rule.needs)) rule.check(context);
  return findings;
}

/** A path is usable when neither it, nor what holds it, nor what is in it was refused. */
function isValid(path: string, invalid: Set<string>): boolean {
  for (const refused of invalid)
    if (refused === path || refused.startsWith(`${path}.`) || path.startsWith(`${refused}.`)) return false;
  return true;
}
