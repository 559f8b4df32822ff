/**
 * Writes docs/study.md and its plots from results/study.jsonl: `node test/bench/study-report.ts [RESULTS]`. The text between
 * the findings' markers is kept as it stands.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../engine/package-root.ts';
import { intervalChart, lineChart, type IntervalRow, type Line } from './chart.ts';
import { isMain, kernels, setupKey, strongBeta, type StudyKernel, type StudySetup } from './study-design.ts';
import { readRecords, resultsFile, resultsOf, tunedEtas, type StudyResult } from './study-records.ts';
import { writePage } from './page.ts';
import { bootstrapMean, mean } from './statistics.ts';
import {
  cellsOf,
  cellTable,
  differenceTable,
  equalizerNames,
  estimate,
  factorTable,
  mainTable,
  trustRegionNames,
  tuningTable,
  type Measure,
} from './study-tables.ts';

/** Where the report belongs. */
const docs = path.join(packageRoot(), 'docs');

/**
 * Writes the report of the given runs (by default of all that began like the newest line) and returns its file.
 */
export async function writeStudyReport(
  results: string,
  wanted?: readonly StudySetup[],
  target = docs,
): Promise<string> {
  const document = path.join(target, 'study.md');
  const records = readRecords(results);
  const newest = records.at(-1);
  if (!newest) throw new Error(`${results} has no runs yet; start them with npm run study`);
  const keys = wanted && new Set(wanted.map(setupKey));
  const same = ({ setup: s }: { setup: StudySetup }) =>
    keys ? keys.has(setupKey(s)) : spent(s) === spent(newest.setup) && s.start === newest.setup.start;
  const ended = resultsOf(records.filter(same));
  if (ended.length === 0) throw new Error(`${results} has no run that ended`);
  const etas = tunedEtas(ended);
  const used = ended.filter(({ setup }) => setup.phase === 'tune' || etas[setup.kernel] === setup.eta);
  const failures = records.filter((record) => same(record) && 'failed' in record).length;
  const folder = path.join(target, 'study');
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of Object.entries(plots(used))) writeFileSync(path.join(folder, `${name}.svg`), svg);
  await writePage(document, text(used, etas, failures, findings(document)));
  return document;
}

function spent({ iterations, prompts, generations, steps }: StudySetup): string {
  return [iterations, prompts, generations, steps].join('x');
}

/** What was written into an earlier report, or the marker that asks for them. */
function findings(document: string): string {
  const kept = existsSync(document)
    ? /<!-- findings -->\n([\s\S]*?)<!-- \/findings -->/.exec(readFileSync(document, 'utf8'))?.[1]
    : undefined;
  return `<!-- findings -->\n${kept ?? '\n'}<!-- /findings -->`;
}

function text(
  results: readonly StudyResult[],
  etas: Partial<Record<StudyKernel, number>>,
  failures: number,
  found: string,
): string {
  const { iterations, prompts, generations, steps, start } = results[0].setup;
  const seconds = results.reduce((sum, { outcome }) => sum + outcome.seconds, 0);
  const { first, ceiling } = results[0].outcome;
  const seedsOf = (keep: (s: StudySetup) => boolean) =>
    [...new Set(results.filter(({ setup }) => keep(setup)).map(({ setup }) => setup.seed))].sort((a, b) => a - b);
  return `# Do the parts of SAGE-GRPO help? A controlled study

Made by \`npm run study\` from \`test/bench/results/study.jsonl\`; do not edit by hand, except between the findings' markers.

## Design

Four exploration kernels × gradient equalizer on (analytic) or off × trust region moving + stepwise (at the paper's β, which
ends at 1e-5, and at a constant β of ${strongBeta}), fixed or none, on the embedded Shapes model. Every run starts from the same weights (fingerprint \`${start}\`), trains ${iterations} iterations of
${prompts} prompts × ${generations} generations (${iterations * prompts * generations} rollouts), T ${steps}, with the demo's learning rate and batch, and is evaluated before
and after on the same prompts and seeds with the ODE sampler. η was chosen for each kernel by the reward of the final
evaluation on separate seeds (${seedsOf((s) => s.phase === 'tune').join(', ')}), under equalizer on and moving + stepwise. The main comparison uses the
seeds ${seedsOf(isMain).join(', ')}; the other cells ${seedsOf((s) => s.phase === 'compare' && !isMain(s)).join(', ')}.

Before training the evaluation reward is ${first.reward.toFixed(4)} and its manifold distance ${first.distance?.toFixed(4) ?? 'unknown'}${ceiling === null ? '' : `; flawless videos score ${ceiling.toFixed(4)}`}.
${results.length} runs ended, ${failures} failed, ${(seconds / 60).toFixed(0)} minutes of one-threaded computing in all.

- *Reward gain*: evaluation reward after training minus before.
- *Evaluation distance*: true manifold distance of the evaluation's videos; its change over training, lower is better.
- *Rollout distance*: the same of the explored rollouts, mean of the last five iterations.
- *Imbalance*: largest over smallest norm of the parameter gradient over the steps that an iteration trains (four, others
  each time), median over iterations; raw is without the equalizer's weights, as trained is with them.
- Brackets are 95 % percentile bootstrap intervals over seeds (10,000 resamples, seeded). Differences are paired by seed. With few
  seeds such intervals are too narrow (with two they are the two values); cells with one seed have none. Differences over all
  kernels treat cells that share a seed as independent.

For \`cps\` the analytic equalizer takes N_k = |b_k|/s_k as for the other kernels, although the gradient of its unnormalised
log-probability scales as 2·|b_k|·s_k: its "imbalance, as trained" shows what that does.

## Kernels under the whole method

${mainTable(results)}

Difference to \`sage\`, paired by seed:

${differenceTable(results)}

![Reward gain by kernel](study/gain.svg)

![Rollout reward over iterations](study/reward.svg)

![Rollout manifold distance over iterations](study/distance.svg)

${gradientSection(results)}## Every cell

${cellTable(results)}

What one factor changes, all else equal:

${factorTable(results)}

![Reward gain of every cell](study/cells.svg)

## Tuning of η

${tuningTable(results, etas)}

## What it shows, and what it does not

${found}

## How to repeat it

\`npm run study\` goes on from the runs that are in \`study.jsonl\`; delete the file to start anew. \`--plan\` shows the number of runs,
\`--budget full\` is the demo's own budget with more seeds, \`--jobs N\` runs N one-threaded trainings at a time, \`--deadline SECONDS\`
starts no more runs after that time. \`node test/bench/study-report.ts\` writes this page again. The same seeds give the same
numbers on the same machine.
`;
}

function plots(results: readonly StudyResult[]): Record<string, string> {
  const main = kernels.map((kernel) => ({
    kernel,
    runs: results.filter(({ setup }) => isMain(setup) && setup.kernel === kernel),
  }));
  const mainRows = main.flatMap(({ kernel, runs }, group) => rows(kernel, group, runs, 'gain'));
  const cellRows = cellsOf(results).flatMap(({ kernel, equalizer, trustRegion, results: runs }) =>
    rows(
      `${kernel}, ${equalizerNames[equalizer]}, ${trustRegionNames[trustRegion]}`,
      kernels.indexOf(kernel),
      runs,
      'gain',
    ),
  );
  const made: Record<string, string> = {};
  if (mainRows.length > 0) {
    made.gain = intervalChart('Reward gain by kernel, whole method', 'evaluation reward, after − before', mainRows);
    made.reward = lineChart(
      'Reward of the rollouts, whole method',
      { x: 'iteration', y: 'mean reward' },
      main.flatMap(({ kernel, runs }, group) =>
        curve(
          kernel,
          group,
          runs.map(({ outcome }) => outcome.rewardCurve),
        ),
      ),
    );
    made.distance = lineChart(
      'Manifold distance of the rollouts, whole method',
      { x: 'iteration', y: 'distance' },
      main.flatMap(({ kernel, runs }, group) =>
        curve(
          kernel,
          group,
          runs.map(({ outcome }) => outcome.distanceCurve),
        ),
      ),
    );
    const measured = main.every(({ runs }) => runs.every(({ outcome }) => outcome.gradientNormByStep));
    if (measured)
      made.gradient = lineChart(
        'Gradient norm by step: raw (solid), as trained (dashed)',
        { x: 'step k', y: 'parameter gradient norm', first: 0, log: true },
        main.flatMap(({ kernel, runs }, group) => [
          ...stepLine(
            kernel,
            group,
            runs.map(({ outcome }) => outcome.gradientNormByStep!.raw),
            false,
          ),
          ...stepLine(
            `${kernel}, trained`,
            group,
            runs.map(({ outcome }) => outcome.gradientNormByStep!.equalized),
            true,
          ),
        ]),
      );
  }
  if (cellRows.length > 0)
    made.cells = intervalChart('Reward gain of every cell', 'evaluation reward, after − before', cellRows);
  return made;
}

/** The chart of gradient norms, where the records have them by step. */
function gradientSection(results: readonly StudyResult[]): string {
  const main = results.filter(({ setup }) => isMain(setup));
  if (main.length === 0 || main.some(({ outcome }) => !outcome.gradientNormByStep)) return '';
  return '## Gradient norms over steps\n\n![Gradient norm by step](study/gradient.svg)\n\n';
}

function rows(label: string, group: number, runs: readonly StudyResult[], measure: Measure): IntervalRow[] {
  const { mean: value, low, high, count } = estimate(runs, measure);
  return count === 0 ? [] : [{ label, group, value, low, high }];
}

/** Mean over runs with its bootstrap band. */
function curve(label: string, group: number, curves: readonly (readonly (number | null)[])[]): Line[] {
  if (curves.length === 0) return [];
  const estimates = curves[0].map((_, i) => {
    const known = curves.map((values) => values[i]).filter((value) => value !== null);
    return known.length === 0 ? null : bootstrapMean(known, 1000);
  });
  const values = estimates.map((e) => e?.mean ?? null);
  const banded = curves.length > 1;
  const band = { low: estimates.map((e) => e?.low ?? null), high: estimates.map((e) => e?.high ?? null) };
  return [{ label, group, values, ...(banded ? band : {}) }];
}

function stepLine(
  label: string,
  group: number,
  norms: readonly (readonly (number | null)[])[],
  dashed: boolean,
): Line[] {
  if (norms.length === 0) return [];
  const values = norms[0].map((_, k) => {
    const known = norms.map((run) => run[k]).filter((value): value is number => value !== null && value > 0);
    return known.length === 0 ? null : mean(known);
  });
  return [{ label, group, values, dashed }];
}

if (process.argv[1] === import.meta.filename) console.log(await writeStudyReport(process.argv[2] ?? resultsFile));
