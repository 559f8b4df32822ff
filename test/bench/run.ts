/**
 * `npm run bench`: measures engine and extension against their targets, by ratios within one run. Writes results/bench.json and the
 * table in docs/benchmarks.md; exits with 1 when a target is missed.
 *
 *   node test/bench/run.ts [--quick] [--only update,overhead,inspect,view,open,live,growth,list,demo,activation,estimate,language]
 *     [--no-write]
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { packageRoot } from '../../engine/package-root.ts';
import { collectProvenance } from '../../engine/run/provenance.ts';
import { type ActivationResult, measureActivation } from './activation.ts';
import { measureEstimate, type EstimateResult } from './estimate.ts';
import { type GrowthResult, measureGrowth } from './growth.ts';
import { measureInspect, type InspectResult } from './inspect.ts';
import { measureLanguage, type LanguageResult } from './language.ts';
import { type LiveResult, measureLive } from './live.ts';
import { measureDemo, type DemoResult } from './memory.ts';
import { measureOpening, type OpenResult } from './open.ts';
import { writePage } from './page.ts';
import type { OverheadResult } from './overhead.ts';
import { benchTable, judgeTargets, withTable, type BenchFile } from './targets.ts';
import { measureUpdateStep, type UpdateStepResult } from './update-step.ts';
import { measureListing, measureView, type ListingResult, type ViewResult } from './view.ts';

const parts = [
  ...(['update', 'overhead', 'inspect', 'view', 'open', 'live', 'growth', 'list', 'demo', 'activation'] as const),
  ...(['estimate', 'language'] as const),
];
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: parts.join(',') },
    'no-write': { type: 'boolean', default: false },
  },
});
const { quick } = options;
const wanted = new Set(options.only.split(','));

async function part<T>(name: (typeof parts)[number], measure: () => Promise<T>): Promise<T | null> {
  if (!wanted.has(name)) return null;
  console.log(`measuring ${name} …`);
  return measure();
}

/** In a process of its own, whose threads' sessions are instrumented. */
async function overheadOf(iterations: number): Promise<OverheadResult> {
  const [preload, script] = ['instrument-lanes.ts', 'overhead.ts'].map((name) => path.join(import.meta.dirname, name));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', preload, script, String(iterations)]);
  return JSON.parse(stdout) as OverheadResult;
}

const update: UpdateStepResult | string | null = await part('update', () =>
  measureUpdateStep(quick ? 5 : 20, quick ? 3 : 8),
);
const overhead: OverheadResult | null = await part('overhead', () => overheadOf(quick ? 4 : 20));
const inspect: InspectResult | null = await part('inspect', () => measureInspect(10_000, quick ? 3 : 9));
const view: ViewResult | null = await part('view', () => measureView(10_000, 20, quick ? 3 : 9));
const open: OpenResult | string | null = await part('open', () => measureOpening(10_000, 20, quick ? 3 : 9));
const live: LiveResult | string | null = await part('live', () => measureLive(2000, 20, quick ? 5 : 20));
const growth: GrowthResult | string | null = await part('growth', () => measureGrowth(quick ? 6000 : 10_000, 20));
const list: ListingResult | null = await part('list', () => measureListing(1000, quick ? 3 : 9));
const demo: DemoResult | null = await part('demo', () => measureDemo(quick ? 3 : null));
const activation: ActivationResult | string | null = await part('activation', () => measureActivation(quick ? 2 : 8));
const estimate: EstimateResult | null = await part('estimate', () => measureEstimate(quick ? 6 : 20));

const language: LanguageResult | null = await part('language', () => measureLanguage(quick ? 8 : 30));

const measured = {
  ...{ update, overhead, inspect, view, open, live, growth, list, demo, activation, estimate, language },
};
const { versions, cpu, cores, memory, platform, commit, modified } = await collectProvenance({
  seed: 0,
  folder: packageRoot(),
  versions: typeof update === 'object' && update ? { torch: update.torch } : {},
});
const file: BenchFile = {
  date: new Date().toISOString(),
  command: ['npm run bench', ...(process.argv.length > 2 ? ['--'] : []), ...process.argv.slice(2)].join(' '),
  machine: { cpu, cores, memoryBytes: memory, platform },
  commit,
  modified,
  versions,
  targets: judgeTargets(measured),
  raw: measured,
};

console.log(`\n${benchTable(file)}`);
if (!options['no-write']) {
  const results = path.join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  writeFileSync(path.join(results, 'bench.json'), `${JSON.stringify(file, null, 2)}\n`);
  const document = path.join(packageRoot(), 'docs', 'benchmarks.md');
  await writePage(document, withTable(readFileSync(document, 'utf8'), benchTable(file)));
}
process.exit(file.targets.some(({ met }) => met === false) ? 1 : 0);
