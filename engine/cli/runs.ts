import { readHealth } from '../health/read.ts';
import type { HealthFinding } from '../protocol/view.ts';
import type { EvaluationSummary } from '../run/events.ts';
import { inspectRun, listRunRows, type RunSummary } from '../run/inspect.ts';
import { sendControl, type ControlRequest } from '../run/control.ts';
import { findRun } from '../run/folder.ts';
import { figure, table } from './output.ts';
import { scoreColumns } from './scores.ts';
import { duration } from './progress.ts';

const print = (text: string) => void process.stdout.write(`${text}\n`);
const printJson = (value: unknown) => print(JSON.stringify(value, null, 2));

/** Lists the runs of a folder, newest first. */
export async function listCommand(options: { runs: string; json: boolean }): Promise<void> {
  const rows = await listRunRows(options.runs);
  if (options.json) return printJson(rows);
  if (rows.length === 0) {
    return print(
      `There are no runs in ${options.runs} yet. Start one: sage-grpo init shapes, then sage-grpo train shapes.sage.yaml`,
    );
  }
  print(
    table(
      ['run', 'status', 'iterations', 'reward before', 'last', 'best', 'manifold distance'],
      rows.map((row) => [
        row.id,
        row.broken === null ? String(row.status) : 'unreadable',
        `${row.iterations}/${row.iterationsPlanned ?? '?'}`,
        figure(row.firstReward),
        figure(row.lastReward),
        figure(row.bestReward),
        figure(row.lastDistance),
      ]),
    ),
  );
  for (const row of rows) if (row.broken !== null) print(`\n${row.id}: ${row.broken}`);
}

/** Prints what is known of a run. */
export async function inspectCommand(
  target: string,
  options: { runs: string; json: boolean; deep: boolean },
): Promise<void> {
  const summary = await inspectRun(await findRun(target, options.runs), { deep: options.deep });
  const health = await readHealth(summary.folder, summary.config, summary.status);
  if (options.json) return printJson({ ...summary, health });
  print([inspectText(summary), ...health.map(findingText)].join('\n\n'));
}

function inspectText(summary: RunSummary): string {
  const { evaluation, checkpoints, warnings } = summary;
  const evaluations = (['first', 'last', 'best'] as const)
    .map((name) => [name, evaluation[name]] as const)
    .filter((entry): entry is readonly ['first' | 'last' | 'best', EvaluationSummary] => entry[1] !== null);
  const { header, cells } = scoreColumns(evaluations.map(([, evaluation]) => evaluation));
  const held = summary.pid === null ? '' : ` (process ${summary.pid})`;
  const blocks = [
    [
      `${summary.id}: ${summary.status}${held}${summary.message ? `, ${summary.message}` : ''}`,
      `folder      ${summary.folder}`,
      `iterations  ${summary.iterations} of ${summary.iterationsPlanned ?? '?'}, ${summary.updates} updates, ${duration(summary.seconds)}`,
      `videos      ${summary.videosFolder ?? 'none written yet (see videos.every)'}`,
      ...summary.changes.map(changeText),
    ].join('\n'),
  ];
  if (evaluations.length > 0) {
    const rows = evaluations.map(([name, e]) => [
      name,
      String(e.iteration),
      figure(e.reward),
      ...cells(e),
      figure(e.distance),
    ]);
    blocks.push(table(['evaluation', 'iteration', 'reward', ...header, 'manifold distance'], rows));
  }
  if (checkpoints.length > 0) {
    const rows = checkpoints.map((c) => [String(c.iteration), figure(c.reward), c.valid ? 'yes' : `no: ${c.reason}`]);
    blocks.push(table(['checkpoint', 'reward', 'valid'], rows));
  }
  for (const { message, remedy, count } of warnings) blocks.push(`warning (${count}×): ${message}\n  → ${remedy}`);
  return blocks.join('\n\n');
}

function changeText({ path, from, to, iteration, time }: RunSummary['changes'][number]): string {
  return `changed     ${path} ${from} → ${to}, after iteration ${iteration} (${time.slice(0, 10)})`;
}

function findingText({ severity, title, evidence, remedy }: HealthFinding): string {
  return `${severity}: ${title}\n  ${evidence}\n  → ${remedy}`;
}

const done: Record<Exclude<ControlRequest, 'status'>, string> = {
  pause: 'will pause after this iteration',
  continue: 'continues',
  checkpoint: 'will save a checkpoint after this iteration',
  stop: 'will save a checkpoint and stop after this iteration',
};

/** Sends a request to the trainer of a run. */
export async function controlCommand(
  request: Exclude<ControlRequest, 'status'>,
  target: string,
  options: { runs: string },
): Promise<void> {
  const folder = await findRun(target, options.runs);
  const reply = await sendControl(folder, request);
  print(`${target} ${done[request]} (iteration ${reply.iteration} done)`);
}
