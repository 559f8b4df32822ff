/**
 * `npm run study`: the controlled experiment. Appends every run to results/study.jsonl and goes on from there when it is
 * started again; ends with the report of study-report.ts.
 *
 *   node test/bench/study.ts [--budget small|full] [--jobs 2] [--deadline SECONDS] [--results FILE] [--no-report]
 *     [--iterations N] [--steps T] [--seeds N] [--other-seeds N] [--tune-seeds N] [--plan]
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import {
  budgets,
  comparisonRuns,
  kernels,
  setupKey,
  startFingerprint,
  tuningRuns,
  type StudyBudget,
  type StudyKernel,
  type StudySetup,
} from './study-design.ts';
import { appendRecord, readRecords, resultsFile, resultsOf, tunedEtas, type StudyOutcome } from './study-records.ts';
import { writeStudyReport } from './study-report.ts';
import { demoConfig } from './training.ts';

const runFile = promisify(execFile);

const { values: options } = parseArgs({
  options: {
    budget: { type: 'string', default: 'small' },
    jobs: { type: 'string', default: '2' },
    deadline: { type: 'string' },
    results: { type: 'string', default: resultsFile },
    iterations: { type: 'string' },
    steps: { type: 'string' },
    seeds: { type: 'string' },
    'other-seeds': { type: 'string' },
    'tune-seeds': { type: 'string' },
    plan: { type: 'boolean', default: false },
    'no-report': { type: 'boolean', default: false },
  },
});

function chosenBudget(): StudyBudget {
  if (options.budget !== 'small' && options.budget !== 'full') throw new Error('--budget is small or full');
  const base = budgets[options.budget];
  const count = (text: string | undefined, given: number[]) =>
    text === undefined ? given : Array.from({ length: Number(text) }, (_, i) => given[0] + i);
  return {
    ...base,
    iterations: Number(options.iterations ?? base.iterations),
    steps: Number(options.steps ?? base.steps),
    tuneSeeds: count(options['tune-seeds'], base.tuneSeeds),
    mainSeeds: count(options.seeds, base.mainSeeds),
    otherSeeds: count(options['other-seeds'], base.otherSeeds),
  };
}

const begun = performance.now();
const elapsed = () => (performance.now() - begun) / 1000;
const outOfTime = () => options.deadline !== undefined && elapsed() > Number(options.deadline);

/** Runs what is not in the results yet, some at a time. Returns false when the deadline came first. */
async function perform(name: string, setups: readonly StudySetup[]): Promise<boolean> {
  const known = new Set(readRecords(options.results).map(({ setup }) => setupKey(setup)));
  const open = setups.filter((setup) => !known.has(setupKey(setup)));
  console.log(`${name}: ${setups.length} runs, ${setups.length - open.length} of them done before`);
  let next = 0;
  let done = 0;
  const since = performance.now();
  const worker = async () => {
    while (next < open.length && !outOfTime()) {
      const setup = open[next++];
      const text = await performOne(setup);
      done += 1;
      const left = ((open.length - done) * (performance.now() - since)) / done / 60_000;
      console.log(`[${done}/${open.length}, ${left.toFixed(1)} min left] ${setupKey(setup)}  ${text}`);
    }
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
  return done === open.length;
}

async function performOne(setup: StudySetup): Promise<string> {
  const script = path.join(import.meta.dirname, 'study-run.ts');
  try {
    const { stdout } = await runFile(process.execPath, [script, JSON.stringify(setup)], { maxBuffer: 1 << 26 });
    const outcome = JSON.parse(stdout) as StudyOutcome;
    appendRecord(options.results, { setup, outcome });
    const { first, last, seconds } = outcome;
    return `reward ${first.reward.toFixed(4)} → ${last.reward.toFixed(4)}, ${seconds.toFixed(0)} s`;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    const failed = (stderr?.trim() || message).slice(-500);
    appendRecord(options.results, { setup, failed });
    return `FAILED: ${failed}`;
  }
}

const budget = chosenBudget();
const start = startFingerprint(demoConfig);
const tuning = tuningRuns(budget, start);
const placeholder = Object.fromEntries(kernels.map((kernel) => [kernel, 0])) as Record<StudyKernel, number>;
const planned = tuning.length + comparisonRuns(budget, start, placeholder).length;
const { iterations, prompts, generations, steps } = budget;
console.log(
  `${planned} runs of ${iterations} iterations × ${prompts * generations} rollouts, T ${steps}, from ${start}`,
);
if (options.plan) process.exit(0);

if (!(await perform('tuning of η', tuning))) process.exit(3);
const tuned = tunedEtas(
  resultsOf(readRecords(options.results)).filter(({ setup }) =>
    tuning.some((run) => setupKey(run) === setupKey(setup)),
  ),
);
const missing = kernels.filter((kernel) => tuned[kernel] === undefined);
if (missing.length > 0) throw new Error(`no tuning run of ${missing.join(', ')} ended`);
console.log(`η: ${kernels.map((kernel) => `${kernel} ${tuned[kernel]}`).join(', ')}`);
const comparison = comparisonRuns(budget, start, tuned as Record<StudyKernel, number>);
const complete = await perform('comparison', comparison);
if (!options['no-report']) {
  const file = await writeStudyReport(options.results, [...tuning, ...comparison]);
  console.log(`report: ${file}`);
}
console.log(`${(elapsed() / 60).toFixed(1)} minutes`);
process.exit(complete ? 0 : 3);
