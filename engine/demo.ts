/** `npm run demo`: trains the embedded model by SAGE-GRPO and ends with a report to look at. */
import path from 'node:path';
import { trainCommand } from './cli/train.ts';
import { errorText, exitCodeOf } from './cli/output.ts';
import { exitCodes } from './errors.ts';
import { packageRoot } from './package-root.ts';
import { writeReport } from './report/report.ts';
import { inspectRun, type RunSummary } from './run/inspect.ts';
import { readEvents } from './run/event-log.ts';
import { listRuns, runPaths } from './run/folder.ts';

const runs = path.resolve('runs');
const config = path.join(packageRoot(), 'examples', 'shapes.sage.yaml');

try {
  process.stdout.write(
    'Training the Shapes video model by SAGE-GRPO on this CPU, in one to two minutes.\n' +
      'Ctrl-C saves a checkpoint and stops; `npx sage-grpo resume shapes` continues.\n\n',
  );
  const exitCode = await trainCommand(config, { runs, set: process.argv.slice(2), json: false });
  if (exitCode === exitCodes.done) await present();
  process.exitCode = exitCode;
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

async function present(): Promise<void> {
  const [newest] = await listRuns(runs);
  const report = path.resolve('report.html');
  await writeReport(newest.folder, report);
  const summary = await inspectRun(newest.folder);
  const ceiling = await ceilingOf(newest.folder);
  process.stdout.write(
    `\n${resultText(summary, ceiling)}\n\nvideos   ${path.join(newest.folder, 'rollouts')}\nreport   ${report}  (open it in a browser)\n`,
  );
}

async function ceilingOf(folder: string): Promise<number | null> {
  const events = await readEvents(runPaths(folder).events);
  return events.find((event) => event.kind === 'evaluation')?.ceiling ?? null;
}

function resultText({ evaluation }: RunSummary, ceiling: number | null): string {
  const { first, last } = evaluation;
  if (!first || !last) return 'There is no evaluation to show.';
  const room = ceiling === null ? '' : share(first.reward, last.reward, ceiling);
  const distances =
    first.distance === null || last.distance === null
      ? ''
      : `manifold distance    ${first.distance.toFixed(4)} before → ${last.distance.toFixed(4)} after`;
  return `evaluation reward    ${first.reward.toFixed(4)} before → ${last.reward.toFixed(4)} after${room}\n${distances}`;
}

function share(before: number, after: number, ceiling: number): string {
  const closed = (100 * (after - before)) / (ceiling - before);
  return `  (${closed.toFixed(0)} % of the room to flawless videos, ${ceiling.toFixed(4)})`;
}
