import path from 'node:path';
import { writeReport } from '../report/report.ts';
import { compareRuns, iterationPoints } from '../run/compare.ts';
import { findRun } from '../run/folder.ts';
import { comparisonText } from '../report/compare.ts';

/** Compares runs: results, and what differs in their configs. */
export async function compareCommand(
  targets: readonly string[],
  options: { runs: string; json: boolean },
): Promise<void> {
  const folders = await Promise.all(targets.map((target) => findRun(target, options.runs)));
  const comparison = await compareRuns(folders);
  if (!options.json) return void process.stdout.write(`${comparisonText(comparison)}\n`);
  const iterations = await Promise.all(folders.map(iterationPoints));
  process.stdout.write(`${JSON.stringify({ ...comparison, iterations }, null, 2)}\n`);
}

/** Writes the HTML report of a run. */
export async function reportCommand(target: string, options: { runs: string; output: string }): Promise<void> {
  const folder = await findRun(target, options.runs);
  const bytes = await writeReport(folder, path.resolve(options.output));
  process.stdout.write(`wrote ${options.output} (${(bytes / 2 ** 20).toFixed(1)} MB)\n`);
}
