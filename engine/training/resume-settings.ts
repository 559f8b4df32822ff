import { analyseText } from '../config/analyse.ts';
import { copyData, splitPath, valueAt } from '../config/data.ts';
import { ConfigError, type Diagnostic } from '../config/diagnostics.ts';
import { applyOverrides } from '../config/overrides.ts';
import { planIteration } from '../config/plan.ts';
import { divisors } from '../config/rules-batch.ts';
import { configSchema, type Config } from '../config/schema.ts';
import { oneOf } from '../config/text.ts';
import { keyAt } from '../config/walk.ts';
import { exitCodes, SageError } from '../errors.ts';
import type { SettingChange } from '../run/events.ts';
import { closest } from '../spelling.ts';

/** Keys that a resumed run may be given other values of: what it computes on, how long it goes on, and what it keeps. */
export const resumableKeys = [
  'policy.devices',
  'policy.threads',
  'policy.activation_checkpointing',
  'policy.guidance_batching',
  'policy.offload_anchor',
  'training.iterations',
  'training.micro_batch',
  'evaluation.every',
  'checkpoints.every',
  'checkpoints.keep',
  'checkpoints.keep_best',
  'videos.every',
  'videos.per_prompt',
  'videos.evaluation',
  'videos.scale',
  'videos.quality',
] as const;

/** Follows from devices and micro-batch: it keeps the samples of an update. */
const accumulationKey = 'training.accumulation';

export interface ResumeSettings {
  /** The run's config with the new values. */
  config: Config;
  /** What is other than before, in the order of `resumableKeys`. */
  changes: SettingChange[];
  /** Of the new values; errors are thrown. */
  warnings: Diagnostic[];
}

/**
 * The config of a run with some values changed for its resume. What a run learns from stays as it is, an update's number
 * of samples among it: `training.accumulation` follows where devices or micro-batch change.
 * @param overrides `path=value`, as for a launch
 * @param file the run's run.json, for errors
 * @throws SageError for a key that has to stay, a value that cannot be, or updates that could not stay as large
 */
export function settingsForResume(config: Config, overrides: readonly string[], file: string): ResumeSettings {
  if (overrides.length === 0) return { config, changes: [], warnings: [] };
  const before = findingsOf(config, [], file).map(idOf);
  const found = (changed: Config) =>
    findingsOf(changed, overrides, file).filter((each) => each.flag !== undefined || !before.includes(idOf(each)));
  const refuse = (findings: Diagnostic[]) => {
    const errors = findings.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) throw new ConfigError(file, errors);
  };
  requireKeys(config, overrides);
  const written = withOverrides(config, overrides);
  // A value that the schema refuses is explained as in a config.
  if (written === null) refuse(found(config));
  const changed = keepUpdates(config, written!, file);
  requireIterations(config, changed, file);
  const findings = found(changed);
  refuse(findings);
  const warnings = findings.filter(({ flag }) => flag !== undefined);
  return { config: changed, changes: differences(config, changed), warnings };
}

function idOf({ severity, code, path }: Diagnostic): string {
  return `${severity} ${code} ${path}`;
}

/** What a config is told with the flags over it; long lists of prompts, which no flag changes, are left out. */
function findingsOf(config: Config, overrides: readonly string[], file: string): Diagnostic[] {
  const short = <T>(prompts: T) => (Array.isArray(prompts) ? prompts.slice(0, 1) : prompts);
  const { prompts, evaluation } = config;
  const shown = {
    ...config,
    prompts: short(prompts),
    evaluation: { ...evaluation, prompts: short(evaluation.prompts) },
  };
  return analyseText(JSON.stringify(shown), { file, checkFiles: false, overrides }).diagnostics;
}

/** The config with the flags' values; null where the flags or their values cannot be read. */
function withOverrides(config: Config, overrides: readonly string[]): Config | null {
  const tree = { value: copyData(config), places: new Map(), diagnostics: [], syntax: null };
  applyOverrides(tree, overrides);
  const parsed = tree.diagnostics.length > 0 ? null : configSchema.safeParse(tree.value);
  return parsed?.success ? (parsed.data as Config) : null;
}

function keyOf(override: string): string {
  return override.split('=', 1)[0].trim();
}

/** Refuses keys that a run keeps, and those that its backend does not read. */
function requireKeys({ policy }: Config, overrides: readonly string[]): void {
  for (const path of overrides.filter((each) => each.includes('=')).map(keyOf)) {
    const info = (resumableKeys as readonly string[]).includes(path) ? keyAt(path) : null;
    if (info === null) throw keptKey(path);
    const reader = info.meta.torchOnly === true ? 'torch' : info.meta.onnxOnly === true ? 'onnx' : policy.backend;
    if (reader !== policy.backend)
      throw new SageError(
        'resume/key',
        `${path} is only read by the ${reader} backend, and this run is one of ${policy.backend}.`,
        `Leave --set ${path} out.`,
        { place: { key: path }, exitCode: exitCodes.usage },
      );
  }
}

function keptKey(path: string): SageError {
  const options = { place: { key: path }, exitCode: exitCodes.usage };
  const known = keyAt(path);
  const meant = known === null ? closest(path, resumableKeys) : null;
  const all = `A resumed run can be given other values of ${oneOf(resumableKeys, 'and')}.`;
  if (known === null)
    return new SageError(
      'resume/key',
      `There is no key ${path}.`,
      meant === null ? all : `Did you mean ${meant}?`,
      options,
    );
  if (path === accumulationKey)
    return new SageError(
      'resume/key',
      `${path} of a run follows from policy.devices and training.micro_batch, so that an update takes as many samples as before.`,
      'Leave it out. For updates of another size, start a new run with `extends`.',
      options,
    );
  const block = known.kind === 'block' && resumableKeys.some((key) => key.startsWith(`${path}.`));
  return new SageError(
    'resume/key',
    block ? `${path} is a block of keys.` : `${path} stays what it was for as long as a run lasts.`,
    block
      ? `Set its keys one by one: ${oneOf(resumableKeys.filter((key) => key.startsWith(`${path}.`)))}.`
      : `To train with another value, start a new run from a config that \`extends\` this one's. ${all}`,
    options,
  );
}

/** Rescales `accumulation`, so that an update takes as many samples as it did. */
function keepUpdates(before: Config, after: Config, file: string): Config {
  const plan = planIteration(before);
  const ranks = after.policy.devices / after.policy.sequence_parallel;
  const together = after.training.micro_batch * ranks;
  if (plan === null || together === before.training.micro_batch * plan.ranks) return after;
  const { rollouts, effectiveBatch } = plan;
  if (rollouts % together === 0 && effectiveBatch % together === 0)
    return { ...after, training: { ...after.training, accumulation: effectiveBatch / together } };
  const { micro_batch: size } = after.training;
  const what =
    effectiveBatch % together === 0
      ? `the ${rollouts} videos of an iteration`
      : `the ${effectiveBatch} samples of an update`;
  const taken = ranks === 1 ? 'A' : `On ${ranks} devices a`;
  const changed = before.policy.devices === after.policy.devices ? 'training.micro_batch' : 'policy.devices';
  throw new SageError(
    'resume/batch',
    `${taken} training.micro_batch of ${size} takes ${together} samples at once, which does not divide ${what}.`,
    `${waysToDivide(greatestCommonDivisor(rollouts, effectiveBatch), size, ranks)} For updates of another size, start a new run with \`extends\`.`,
    { place: { file, key: changed }, exitCode: exitCodes.usage },
  );
}

/** The numbers nearest to those asked for whose product divides `whole`. */
function waysToDivide(whole: number, size: number, ranks: number): string {
  const near = (value: number, other: number) => {
    const valid = whole % other === 0 ? divisors(whole / other) : [];
    return [valid.findLast((n) => n <= value), valid.find((n) => n > value)].filter((n) => n !== undefined);
  };
  const [sizes, counts] = [near(size, ranks), near(ranks, size)];
  const found = [
    ...(sizes.length > 0 ? [`training.micro_batch to ${oneOf(sizes)}`] : []),
    ...(counts.length > 0 ? [`policy.devices to ${oneOf(counts)}`] : []),
  ];
  if (found.length === 0) return `Set policy.devices to ${oneOf(near(ranks, 1))} and training.micro_batch to 1.`;
  return `Set ${found.join(', or ')}.`;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** A learning rate that falls does so over the run's iterations, so their number is part of what is learnt. */
function requireIterations(before: Config, after: Config, file: string): void {
  const { learning_rate_schedule: schedule, iterations } = before.training;
  if (schedule === 'constant' || after.training.iterations === iterations) return;
  throw new SageError(
    'resume/iterations',
    `The learning rate of this run falls to 0 over its ${iterations} iterations (training.learning_rate_schedule is ${schedule}), so their number stays.`,
    "To train on, start a new run with `extends` and this one's weights in policy.weights.",
    { place: { file, key: 'training.iterations' }, exitCode: exitCodes.usage },
  );
}

function differences(before: Config, after: Config): SettingChange[] {
  return [...resumableKeys, accumulationKey].flatMap((path) => {
    const [from, to] = [before, after].map((config) => valueAt(config, splitPath(path)) as SettingChange['from']);
    return from === to ? [] : [{ path, from, to }];
  });
}
