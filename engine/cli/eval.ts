import path from 'node:path';
import { findRun, runPaths } from '../run/folder.ts';
import { newestValid, validateCheckpoint } from '../run/checkpoint.ts';
import { exitCodes, SageError } from '../errors.ts';
import { createParts } from '../training/create.ts';
import { evaluationSamples, measure } from '../training/evaluation.ts';
import { evaluationTable } from '../training/settings.ts';
import { readRunInput } from './train.ts';
import { figure, table } from './output.ts';
import { scoreColumns } from './scores.ts';

/** Evaluates a run's newest checkpoint, or the checkpoint whose folder is given, on the run's evaluation set. */
export async function evalCommand(target: string, options: { runs: string; json: boolean }): Promise<number> {
  const { runFolder, checkpoint } = await resolveTarget(target, options.runs);
  const { config, prompts } = await readRunInput(runFolder);
  const parts = await createParts(config, runFolder);
  try {
    await parts.policy.loadState(checkpoint);
    const iteration = Number(path.basename(checkpoint));
    const evaluationPrompts = prompts.evaluation;
    const samples = evaluationSamples({ config, evaluationPrompts });
    await parts.policy.encodePrompts([...new Set(samples.map(({ prompt }) => prompt))]);
    const { result } = await measure({
      config,
      policy: parts.policy,
      reward: parts.reward,
      evaluationTable: evaluationTable(config),
      evaluationPrompts,
      iteration,
      progress: () => {},
    });
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ checkpoint, iteration, ...result }, null, 2)}\n`);
      return exitCodes.done;
    }
    const { header, cells } = scoreColumns([result]);
    process.stdout.write(
      `${table(
        ['checkpoint', 'reward', ...header, 'manifold distance', 'videos'],
        [
          [
            path.basename(checkpoint),
            figure(result.reward),
            ...cells(result),
            figure(result.distance),
            String(result.videos),
          ],
        ],
      )}\n`,
    );
    return exitCodes.done;
  } finally {
    await parts.close();
  }
}

async function resolveTarget(target: string, runs: string): Promise<{ runFolder: string; checkpoint: string }> {
  const folder = path.resolve(target);
  if (path.basename(path.dirname(folder)) === 'checkpoints') {
    const { valid, reason } = await validateCheckpoint(folder);
    if (valid) return { runFolder: path.dirname(path.dirname(folder)), checkpoint: folder };
    throw new SageError('checkpoint/broken', `${folder} is not a valid checkpoint: ${reason}.`, 'Choose another one.', {
      place: { file: folder },
    });
  }
  const runFolder = await findRun(target, runs);
  const point = await newestValid(runFolder);
  if (point) return { runFolder, checkpoint: point.folder };
  throw new SageError('evaluate/no-checkpoint', `The run ${target} has no valid checkpoint.`, 'Train it first.', {
    place: { file: runPaths(runFolder).checkpoints },
  });
}
