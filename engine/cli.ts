#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { doctorCommand } from './cli/doctor.ts';
import { estimateCommand } from './cli/estimate.ts';
import { evalCommand } from './cli/eval.ts';
import { exportCommand } from './cli/export.ts';
import { initCommand } from './cli/init.ts';
import { kernelsReport, kernelsText } from './cli/kernels.ts';
import { lspCommand } from './cli/lsp.ts';
import { errorText, exitCodeOf } from './cli/output.ts';
import { compareCommand, reportCommand } from './cli/results.ts';
import { controlCommand, inspectCommand, listCommand } from './cli/runs.ts';
import { setupTorchCommand } from './cli/setup-torch.ts';
import { resumeCommand, trainCommand } from './cli/train.ts';
import { validateCommand } from './cli/validate.ts';
import { ConfigError, formatDiagnostic } from './config/load.ts';
import { exitCodes } from './errors.ts';
import { packageVersion } from './package-root.ts';
import { findRun } from './run/folder.ts';
import { createLaunch, type Launch } from './server/launch-report.ts';

const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.');
  return value;
};
const whole = (text: string): number => {
  const value = number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It is not a whole number.');
  return value;
};
const collect = (value: string, before: string[]): string[] => [...before, value];

/** The command line. Each action sets the exit code through `done`. */
function createProgram(done: (exitCode: number) => void, launch: Launch): Command {
  const program = new Command('sage-grpo')
    .description('Post-train video generators with SAGE-GRPO.')
    .version(packageVersion())
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(see sage-grpo --help)');
  const command = (text: string, description: string) => program.command(text).description(description).exitOverride();
  const onRun = (text: string, description: string) =>
    command(text, description).option('--runs <folder>', 'folder of the runs', 'runs');

  command('train <config>', 'train as a *.sage.yaml says, in a new run folder')
    .option('--runs <folder>', 'folder of the runs', 'runs')
    .option('--name <name>', 'name of the run')
    .option('--iterations <n>', 'iterations, in place of training.iterations', whole)
    .option('--set <path=value>', 'put a value over the config, e.g. exploration.eta=0.4; may be repeated', collect, [])
    .option('--stdin', 'take the text of the config from the standard input; <config> only names it', false)
    .option('--json', 'print progress as JSON lines', false)
    .action(async (config, options) => done(await trainCommand(config, options, launch)));
  onRun('resume <run>', 'continue a run from its newest valid checkpoint')
    .option('--from <iteration>', 'checkpoint to go back to; everything after it is discarded', whole)
    .option('--iterations <n>', 'iterations of the whole run, in place of training.iterations', whole)
    .option('--set <path=value>', 'another value from here on, e.g. policy.devices=2; may be repeated', collect, [])
    .option('--json', 'print progress as JSON lines', false)
    .action(async (run, options) => done(await resumeCommand(await findRun(run, options.runs), options, launch)));
  for (const [request, description] of [
    ['pause', 'let a training run rest after its current iteration'],
    ['continue', 'let a paused run go on'],
    ['checkpoint', 'save a checkpoint of a training run after its current iteration'],
    ['stop', 'save a checkpoint and stop a training run after its current iteration'],
  ] as const) {
    onRun(`${request} <run>`, description).action((run, options) => controlCommand(request, run, options));
  }
  onRun('list', 'list the runs, newest first')
    .option('--json', 'print JSON', false)
    .action((options) => listCommand(options));
  onRun('inspect <run>', 'show status, evaluations and checkpoints of a run')
    .option('--json', 'print JSON', false)
    .option('--deep', 'check the checksum of every checkpoint file', false)
    .action((run, options) => inspectCommand(run, options));
  onRun('eval <target>', "evaluate a run's newest checkpoint, or a checkpoint folder")
    .option('--json', 'print JSON', false)
    .action(async (target, options) => done(await evalCommand(target, options)));
  onRun('compare <runs...>', 'compare runs: results, and what differs in their configs')
    .option('--json', 'print JSON', false)
    .action((runs, options) => compareCommand(runs, options));
  onRun('report <run>', 'write one self-contained HTML file about a run')
    .option('-o, --output <file>', 'file to write', 'report.html')
    .action((run, options) => reportCommand(run, options));
  onRun('export <run>', 'write a checkpoint as a folder that diffusers loads, with a model card')
    .option('--checkpoint <iteration>', 'checkpoint to write (default: the newest)', whole)
    .option('-o, --out <folder>', 'folder to make (default: RUN-ITERATION)')
    .option('--merged', 'the whole model with the adapter merged in, in place of the adapter alone', false)
    .option('--weights <folder>', "the base's weights, if they are no longer where the run had them")
    .action(async (run, options) => done(await exportCommand(await findRun(run, options.runs), options)));
  command('validate <config>', 'check a config without running it')
    .option('--set <path=value>', 'put a value over the config; may be repeated', collect, [])
    .option('--json', 'print JSON', false)
    .action((config, options) => done(validateCommand(config, options)));
  command('estimate <config>', 'estimate memory, time and disk of a config')
    .option('--device <name>', 'GPU that it is for, e.g. h200, h100, a100-80gb, l40s, rtx-4090 (default: h100)')
    .option('--set <path=value>', 'put a value over the config; may be repeated', collect, [])
    .option('--json', 'print JSON', false)
    .action((config, options) => estimateCommand(config, options));
  command('init [preset]', 'write a config to start from')
    .option('-o, --output <file>', 'file to write (default: PRESET.sage.yaml)')
    .option('--force', 'replace an existing file', false)
    .action((preset, options) => initCommand(preset, options));
  command('kernels', 'print the table of an exploration kernel')
    .requiredOption('--kernel <kernel>', 'sage, flow_grpo, dance_grpo, cps or ode')
    .requiredOption('--steps <T>', 'sampling steps', number)
    .requiredOption('--shift <s>', 'shift of the schedule', number)
    .requiredOption('--eta <eta>', 'exploration strength', number)
    .option('--sigma-max <sigma>', 'clamp of the precise variance', number, 0.997)
    .option('--last-step <rule>', 'noise: the kernel as it is; ode: as training uses it by default', 'noise')
    .option('--clamp-both-ends', 'draw no noise in steps wholly above sigma-max', false)
    .option('--json', 'print JSON', false)
    .action((options) => {
      const report = kernelsReport(options);
      process.stdout.write(`${options.json ? JSON.stringify(report) : kernelsText(report)}\n`);
    });
  onRun('serve', 'serve the runs of a folder to an editor, until it closes the connection')
    .requiredOption('--stdio', 'speak JSON-RPC over standard input and output')
    .action(async ({ runs }) => {
      // Only the server needs what it imports.
      const { serveCommand } = await import('./cli/serve.ts');
      done(await serveCommand(runs));
    });
  command('lsp', 'help an editor with *.sage.yaml files, until it closes the connection')
    .requiredOption('--stdio', 'speak the Language Server Protocol over standard input and output')
    .action(lspCommand);
  command('setup-torch', 'install PyTorch and its companions, to train video generators')
    .option('--cpu', 'PyTorch for the CPU alone: enough for tests and for Shapes', false)
    .option('--folder <folder>', 'virtual environment to make or complete')
    .option('--python <program>', 'Python 3.11 or later to make it from')
    .action(async (options) => done(await setupTorchCommand(options)));
  onRun('doctor [config]', 'check what training needs of this machine, and what a config needs')
    .option('--json', 'print JSON', false)
    .action(async (config, options) => done(await doctorCommand(config, options)));
  return program;
}

/**
 * Runs the command line.
 * @returns the exit code: 0 done, 1 failed, 2 bad usage or config, 130 interrupted
 */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.done;
  const launch = createLaunch();
  try {
    await createProgram((code) => (exitCode = code), launch).parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version have been printed; a wrong option too, with what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    process.stderr.write(`${describe(error)}\n`);
    launch.failed(error);
    return exitCodeOf(error);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof ConfigError)) return errorText(error);
  return error.diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, error.file)).join('\n');
}

function isEntry(): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === realpathSync(fileURLToPath(import.meta.url));
}

// A reader that goes away (`| head`, a closed terminal) must not end a training run.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

if (isEntry()) process.exitCode = await main(process.argv.slice(2));
