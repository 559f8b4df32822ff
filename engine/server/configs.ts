import os from 'node:os';
import path from 'node:path';
import { estimateWithPrompts } from '../config/estimate/of-file.ts';
import { estimateMarkdown } from '../config/estimate/text.ts';
import { previewExploration } from '../config/exploration.ts';
import { checkText, ConfigError, loadConfig } from '../config/load.ts';
import { rewardText } from '../config/reward.ts';
import type { Config } from '../config/schema.ts';
import type { CheckedParamsOf, LaunchPlan, ResultOf } from '../protocol.ts';
import { requireAbsolute, trainArguments, type Program } from './launch.ts';

type ConfigSource = CheckedParamsOf<'config/validate'>;

/** The findings of `sage-grpo validate` for a file, or for a text that would stand there. */
export function findingsOf({ file, text, overrides }: ConfigSource): {
  config: Config | null;
  diagnostics: ResultOf<'config/validate'>['diagnostics'];
} {
  if (text !== undefined) return checkText(text, { file: path.resolve(file), overrides });
  requireAbsolute(file);
  try {
    return loadConfig(file, overrides);
  } catch (error) {
    if (error instanceof ConfigError) return { config: null, diagnostics: error.diagnostics };
    throw error;
  }
}

function planOf(program: Program, runsDir: string, source: ConfigSource, config: Config): LaunchPlan {
  const { policy, rollout, training, exploration } = config;
  return {
    name: config.name,
    host: os.hostname(),
    runsFolder: runsDir,
    command: [program.command, ...program.argv, ...trainArguments(runsDir, source)],
    model: policy.model,
    backend: policy.backend,
    weights: policy.weights,
    adapter: policy.adapter.kind,
    kernel: exploration.kernel,
    reward: rewardText(config),
    iterations: training.iterations,
    promptsPerIteration: rollout.prompts_per_iteration,
    generations: rollout.generations,
    rolloutsPerIteration: rollout.prompts_per_iteration * rollout.generations,
  };
}

/** What a launch of this config would do. */
export function explain(program: Program, runsDir: string, source: ConfigSource): ResultOf<'config/explain'> {
  const { config, diagnostics } = findingsOf(source);
  const plan = config && planOf(program, runsDir, { ...source, file: path.resolve(source.file) }, config);
  return { diagnostics, plan };
}

/** How this config explores. */
export function explore(source: ConfigSource): ResultOf<'config/exploration'> {
  const { config, diagnostics } = findingsOf(source);
  return { diagnostics, preview: config && previewExploration(config) };
}

/** What this config is expected to take. */
export function estimate({ device, ...source }: CheckedParamsOf<'config/estimate'>): ResultOf<'config/estimate'> {
  const { config, diagnostics } = findingsOf(source);
  if (config === null) return { diagnostics, estimate: null, markdown: '' };
  const found = estimateWithPrompts(config, path.dirname(path.resolve(source.file)), device);
  return { diagnostics, estimate: found, markdown: estimateMarkdown(found, config.name) };
}
