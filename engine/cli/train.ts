import { readFileSync } from 'node:fs';
import path from 'node:path';
import { withAbsolutePaths } from '../config/absolute-paths.ts';
import { configSchema, type Config } from '../config/schema.ts';
import { formatDiagnostic, loadConfig } from '../config/load.ts';
import { loadEvaluationPrompts, loadPrompts } from '../config/prompts.ts';
import { exitCodes, SageError } from '../errors.ts';
import { collectProvenance } from '../run/provenance.ts';
import { createRun, readRun, runPaths } from '../run/folder.ts';
import { createParts } from '../training/create.ts';
import { promptsFiles, readPrompts, type RunPrompts } from '../training/prompts.ts';
import { createLaunch, type Launch } from '../server/launch-report.ts';
import { settingsForResume } from '../training/resume-settings.ts';
import { runSession, type SessionInput } from '../training/session.ts';
import { createProgressView, type ProgressView } from './progress.ts';

export interface TrainOptions {
  runs: string;
  name?: string;
  iterations?: number;
  set: string[];
  json: boolean;
  /** The config's text comes from the standard input; the file only names it. */
  stdin?: boolean;
}

/**
 * Reads and checks the config, makes the run folder and trains in it. Returns the exit code.
 * @param launch who is told when training begins
 */
export async function trainCommand(
  configFile: string,
  options: TrainOptions,
  launch: Launch = createLaunch(),
): Promise<number> {
  const overrides = [...options.set];
  if (options.name !== undefined) overrides.push(`name=${JSON.stringify(options.name)}`);
  if (options.iterations !== undefined) overrides.push(`training.iterations=${options.iterations}`);
  const {
    config: written,
    diagnostics,
    text,
  } = loadConfig(configFile, overrides, options.stdin ? readFileSync(0, 'utf8') : undefined);
  for (const diagnostic of diagnostics) process.stderr.write(`${formatDiagnostic(diagnostic, configFile)}\n`);
  const baseFolder = path.dirname(path.resolve(configFile));
  const config = withAbsolutePaths(written, baseFolder);
  const prompts = runPrompts(config, baseFolder);
  const parts = await createParts(config, baseFolder);
  try {
    const { device, versions } = parts.policy.describe();
    const provenance = await collectProvenance({ seed: config.seed, devices: [device], versions });
    const runs = path.resolve(options.runs);
    const { folder, lock } = await createRun(runs, config.name, text, config, provenance, {
      files: promptsFiles(prompts),
      lock: true,
    });
    launch.adoptLog(folder);
    return await runInTerminal({ runFolder: folder, config, prompts, parts, lock }, options.json, launch);
  } finally {
    await parts.close();
  }
}

/** Continues a run from a checkpoint, as it was or with some settings changed. Returns the exit code. */
export async function resumeCommand(
  runFolder: string,
  options: { from?: number; set: string[]; iterations?: number; json: boolean },
  launch: Launch = createLaunch(),
): Promise<number> {
  const overrides = [...options.set];
  if (options.iterations !== undefined) overrides.push(`training.iterations=${options.iterations}`);
  const { config: before, prompts } = await readRunInput(runFolder);
  const file = runPaths(runFolder).run;
  const { config, changes, warnings } = settingsForResume(before, overrides, file);
  for (const warning of warnings) process.stderr.write(`${formatDiagnostic(warning, file)}\n`);
  const parts = await createParts(config, runFolder);
  try {
    const resume = { from: options.from ?? ('newest' as const), changes };
    return await runInTerminal({ runFolder, config, prompts, parts, resume }, options.json, launch);
  } finally {
    await parts.close();
  }
}

/** What a run was launched with, from its folder. */
export async function readRunInput(runFolder: string): Promise<{ config: Config; prompts: RunPrompts }> {
  const record = await readRun(runFolder);
  const parsed = configSchema.safeParse(record.config);
  if (!parsed.success) {
    const { path: where, message } = parsed.error.issues[0];
    throw new SageError(
      'run/broken',
      `The config in ${runFolder}/run.json is not one of this version: ${where.join('.')}: ${message}.`,
      'Start a new run from its config.sage.yaml.',
      { place: { file: path.join(runFolder, 'run.json') } },
    );
  }
  return { config: parsed.data, prompts: await readPrompts(runFolder) };
}

function runPrompts(config: Config, baseFolder: string): RunPrompts {
  return { training: loadPrompts(config, baseFolder), evaluation: loadEvaluationPrompts(config, baseFolder) };
}

async function runInTerminal(input: Omit<SessionInput, 'hooks'>, json: boolean, launch: Launch): Promise<number> {
  // With --json the standard output belongs to the program that reads it.
  const view = createProgressView(json ? process.stderr : process.stdout, input.config.training.iterations);
  view.line(`run folder: ${input.runFolder}`);
  const interrupts = watchInterrupts(view);
  try {
    const outcome = await runSession({
      ...input,
      hooks: {
        progress(progress) {
          if (json) process.stdout.write(`${JSON.stringify(progress)}\n`);
          view.show(progress);
        },
        note(text) {
          // What a launched trainer prints goes to engine.log, which has the note already.
          if (!launch.launched) view.line(text);
        },
        onStart: () => launch.started(input.runFolder),
        onInterrupt: (stop) => interrupts.arm(stop),
      },
    });
    view.close();
    const name = path.basename(input.runFolder);
    view.line(
      outcome === 'finished' ? `finished: ${name}` : `stopped: ${name}; continue with \`sage-grpo resume ${name}\``,
    );
    return interrupts.seen() ? exitCodes.interrupted : exitCodes.done;
  } finally {
    view.close();
    interrupts.dispose();
  }
}

/** The first Ctrl-C (or TERM) asks training to checkpoint and stop, the second kills. */
function watchInterrupts(view: ProgressView) {
  let stop: (() => void) | null = null;
  let count = 0;
  const handle = () => {
    count += 1;
    if (count > 1 || !stop) process.exit(exitCodes.interrupted);
    view.line('stopping after this iteration, with a checkpoint; press Ctrl-C again to kill at once');
    stop();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, handle);
  return {
    arm: (callback: () => void) => void (stop = callback),
    seen: () => count > 0,
    dispose: () => signals.forEach((signal) => process.off(signal, handle)),
  };
}
