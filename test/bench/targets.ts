import type { ActivationResult } from './activation.ts';
import type { EstimateResult } from './estimate.ts';
import type { GrowthResult } from './growth.ts';
import type { InspectResult } from './inspect.ts';
import type { LanguageResult } from './language.ts';
import type { LiveResult } from './live.ts';
import type { DemoResult } from './memory.ts';
import type { OpenResult } from './open.ts';
import type { OverheadResult } from './overhead.ts';
import type { Spread } from './statistics.ts';
import type { UpdateStepResult } from './update-step.ts';
import type { ListingResult, ViewResult } from './view.ts';

/** What was measured; null where it was not asked for, a string where it could not be. */
export interface Measured {
  update: UpdateStepResult | string | null;
  overhead: OverheadResult | null;
  inspect: InspectResult | null;
  view: ViewResult | null;
  list: ListingResult | null;
  demo: DemoResult | null;
  activation?: ActivationResult | string | null;
  estimate?: EstimateResult | null;
  language?: LanguageResult | null;
  open?: OpenResult | string | null;
  live?: LiveResult | string | null;
  growth?: GrowthResult | string | null;
}

/** One line of the table. */
export interface Target {
  name: string;
  measured: string;
  target: string;
  /** null: there is no target, or it could not be measured. */
  met: boolean | null;
}

export interface BenchFile {
  date: string;
  /** How to repeat it. */
  command: string;
  machine: { cpu: string; cores: number; memoryBytes: number; platform: string };
  commit: string | null;
  modified: boolean | null;
  versions: Record<string, string>;
  targets: Target[];
  raw: Measured;
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const spreadText = ({ median, min, max }: Spread) => `${median.toFixed(2)}× (${min.toFixed(2)} to ${max.toFixed(2)})`;
const gibibyte = 2 ** 30;

/** Holds the measurements against the targets. */
export function judgeTargets(measured: Measured): Target[] {
  const { update, overhead, inspect, view, list, demo } = measured;
  const { activation = null, open = null, live = null, growth = null, estimate = null, language = null } = measured;
  return [
    ...(update === null ? [] : updateTargets(update)),
    ...(overhead === null ? [] : overheadTargets(overhead)),
    ...(inspect === null ? [] : inspectTargets(inspect)),
    ...(view === null ? [] : viewTargets(view)),
    ...(open === null ? [] : openTargets(open)),
    ...(live === null ? [] : liveTargets(live)),
    ...(growth === null ? [] : growthTargets(growth)),
    ...(list === null ? [] : listingTargets(list)),
    ...(demo === null ? [] : demoTargets(demo)),
    ...(activation === null ? [] : activationTargets(activation)),
    ...(estimate === null ? [] : estimateTargets(estimate)),
    ...(language === null ? [] : languageTargets(language)),
  ];
}

function updateTargets(update: UpdateStepResult | string): Target[] {
  const wanted = [
    ['eager', 'PyTorch eager', 2],
    ['compile', 'torch.compile', 1.2],
  ] as const;
  return wanted.map(([step, title, least]) => {
    const name = `update step, ${title} over onnxruntime`;
    const target = `≥ ${least.toFixed(1)}×`;
    const reason = typeof update === 'string' ? update : update.notRun[step];
    const ratio = typeof update === 'string' ? undefined : update.ratios[step];
    if (!ratio || typeof update === 'string') return { name, measured: `not measured: ${reason}`, target, met: null };
    const { milliseconds: ms, gradientDifference } = update;
    const times = `${ms[step]!.toFixed(1)} ms against ${ms.onnxruntime.toFixed(1)} ms`;
    // Two steps that disagree about the gradient have not been compared.
    const met = ratio.median >= least && gradientDifference < 1e-3;
    return { name, measured: `${spreadText(ratio)}, ${times}`, target, met };
  });
}

function overheadTargets(overhead: OverheadResult): Target[] {
  const { share, shareByStages, encodeSeconds, shareWithEncoding, wallSeconds, idleShare, apartCpuSeconds } = overhead;
  const apart = 'iteration outside model, decoder and judge';
  return [
    { name: apart, measured: `${percent(share)} of ${wallSeconds.toFixed(2)} s`, target: '≤ 3 %', met: share <= 0.03 },
    {
      name: 'lanes idle while another runs the model or the decoder',
      measured: percent(idleShare),
      target: '',
      met: null,
    },
    {
      name: 'CPU time of trainer and lanes outside model, decoder and judge',
      measured: `${apartCpuSeconds.toFixed(3)} s of ${wallSeconds.toFixed(2)} s an iteration`,
      target: '',
      met: null,
    },
    { name: `${apart}, by the run's own stages`, measured: percent(shareByStages), target: '', met: null },
    {
      name: 'the first, with the CPU time of the video encoder’s thread',
      measured:
        encodeSeconds === null ? 'not measured here' : `${percent(shareWithEncoding!)}, ${encodeSeconds.toFixed(2)} s`,
      target: '',
      met: null,
    },
  ];
}

function inspectTargets({ ratio, bytes, inspectMilliseconds: ms }: InspectResult): Target[] {
  const size = `${(bytes / 2 ** 20).toFixed(0)} MiB in ${ms.median.toFixed(0)} ms`;
  return [
    {
      name: '`inspect` of 10,000 iterations over reading and parsing them',
      measured: `${spreadText(ratio)}, ${size}`,
      target: '≤ 2.0×',
      met: ratio.median <= 2,
    },
  ];
}

function viewTargets({ iterations, steps, ratio, bytes, messageBytes, viewMilliseconds: ms }: ViewResult): Target[] {
  const [log, message] = [bytes, messageBytes].map((size) => `${(size / 2 ** 20).toFixed(1)} MiB`);
  return [
    {
      name: `engine’s view of ${iterations.toLocaleString('en')} iterations × ${steps} steps over reading and parsing them`,
      measured: `${spreadText(ratio)}, ${log} to ${message} in ${ms.median.toFixed(0)} ms`,
      target: '≤ 1.5×',
      met: ratio.median <= 1.5,
    },
  ];
}

function openTargets(open: OpenResult | string): Target[] {
  const name =
    'dashboard of 10,000 iterations × 20 steps, from the request to painted charts, over reading and parsing them';
  const target = '≤ 3.0×';
  if (typeof open === 'string') return [{ name, measured: `not measured: ${open}`, target, met: null }];
  const { ratio, tabMilliseconds } = open;
  const tabs = Object.entries(tabMilliseconds).map(([tab, { median }]) => `${tab} ${median.toFixed(0)}`);
  return [{ name, measured: `${spreadText(ratio)}; ms: ${tabs.join(', ')}`, target, met: ratio.median <= 3 }];
}

function liveTargets(live: LiveResult | string): Target[] {
  const name = 'dashboard of a run that writes ten iterations a second, main thread of the page, share of one core';
  const target = '≤ 5 %';
  if (typeof live === 'string') return [{ name, measured: `not measured: ${live}`, target, met: null }];
  const tabs = Object.entries(live.tabs);
  const most = (part: 'page' | 'host' | 'engine') => Math.max(...tabs.map(([, shares]) => shares[part]));
  const drawn = Object.values(live.drawings).map((times) => times.toFixed(1));
  const each = tabs.map(([tab, { page }]) => `${tab} ${percent(page)}`);
  return [
    { name, measured: `${percent(most('page'))} (${each.join(', ')})`, target, met: most('page') <= 0.05 },
    { name: 'the same, extension host', measured: percent(most('host')), target, met: most('host') <= 0.05 },
    { name: 'the same, engine', measured: percent(most('engine')), target: '', met: null },
    { name: 'the same, drawings a second on these tabs', measured: drawn.join(', '), target: '', met: null },
  ];
}

function growthTargets(growth: GrowthResult | string): Target[] {
  const of = (last: number) =>
    `memory of an open dashboard at ${last.toLocaleString('en')} iterations over that after 2,000`;
  const target = '≤ 1.05×';
  if (typeof growth === 'string') return [{ name: of(10_000), measured: `not measured: ${growth}`, target, met: null }];
  const { iterations, page, nodes, listeners, host, samples } = growth;
  const name = of(iterations);
  const times = (ratio: number) => `${ratio.toFixed(2)}×`;
  const heap = (part: 'pageBytes' | 'hostBytes') =>
    `${(Math.max(...samples.map((sample) => sample[part])) / 2 ** 20).toFixed(1)} MiB at most`;
  const counts = `nodes ${times(nodes)}, listeners ${times(listeners)}`;
  return [
    {
      name: `${name}, page`,
      measured: `${times(page)}, ${heap('pageBytes')}; ${counts}`,
      target,
      met: [page, nodes, listeners].every((ratio) => ratio <= 1.05),
    },
    {
      name: `${name}, engine’s view and session`,
      measured: `${times(host)}, ${heap('hostBytes')}`,
      target,
      met: host <= 1.05,
    },
  ];
}

function listingTargets({ runs, ratio, listMilliseconds: ms }: ListingResult): Target[] {
  return [
    {
      name: `list of ${runs.toLocaleString('en')} runs over a bare walk with one small read each`,
      measured: `${spreadText(ratio)}, ${ms.median.toFixed(0)} ms`,
      target: '≤ 2.0×',
      met: ratio.median <= 2,
    },
  ];
}

function demoTargets({ peakBytes, wallSeconds, exitCode, iterations }: DemoResult): Target[] {
  const what = iterations === null ? 'demo' : `demo, ${iterations} iterations`;
  const ended = exitCode === 0 ? '' : `, but it ended with ${exitCode}`;
  const memory: Target = {
    name: `peak resident memory of the ${what}`,
    measured: peakBytes === null ? 'not measured here' : `${(peakBytes / 2 ** 20).toFixed(0)} MiB${ended}`,
    target: '≤ 1024 MiB',
    met: peakBytes === null ? null : peakBytes <= gibibyte && exitCode === 0,
  };
  const time: Target = {
    name: `wall time of the ${what}`,
    measured: `${wallSeconds.toFixed(0)} s`,
    target: iterations === null ? '≤ 150 s' : '',
    met: iterations === null ? wallSeconds <= 150 && exitCode === 0 : null,
  };
  return [memory, time];
}

/** The table as Markdown, with machine and date. */
export function benchTable({ date, machine, versions, targets, command }: BenchFile): string {
  const verdict = (met: boolean | null) => (met === null ? '' : met ? 'pass' : '**FAIL**');
  const rows = targets.map(
    ({ name, measured, target, met }) => `| ${name} | ${measured} | ${target} | ${verdict(met)} |`,
  );
  const parts = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    '| measurement | result | target | |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / gibibyte).toFixed(0)} GiB; ${parts.join(', ')}; ${date.slice(0, 10)}, \`${command}\`.`,
  ].join('\n');
}

const [open, close] = ['<!-- bench -->', '<!-- /bench -->'];

/** A document with the table put between its markers. */
export function withTable(document: string, table: string): string {
  const [from, to] = [document.indexOf(open), document.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md lacks the markers ${open} and ${close}`);
  return `${document.slice(0, from + open.length)}\n\n${table}\n\n${document.slice(to)}`;
}

function activationTargets(activation: ActivationResult | string): Target[] {
  const name = 'activation of the extension over that of an empty one';
  const target = '≤ 1.5×';
  if (typeof activation === 'string') return [{ name, measured: `not measured: ${activation}`, target, met: null }];
  const { ratio, ratioToModule, ours, empty } = activation;
  const times = `${ours.median.toFixed(1)} ms against ${empty.median.toFixed(1)} ms`;
  return [
    { name, measured: `${spreadText(ratio)}, ${times}`, target, met: ratio.median <= 1.5 },
    {
      name: 'the same, where the empty one is an ES module',
      measured: spreadText(ratioToModule),
      target: '',
      met: null,
    },
  ];
}

/** An estimate is true when none of the setups takes a quarter more or less. */
function estimateTargets({ setups, iteration, evaluation, run, memory }: EstimateResult): Target[] {
  const [target, within] = ['0.75× to 1.25×', ({ min, max }: Spread) => min >= 0.75 && max <= 1.25];
  const line = (what: string, ratio: Spread | null): Target => ({
    name: `${what}, estimated over measured`,
    measured: ratio === null ? 'not measured here' : `${spreadText(ratio)} in ${setups.length} setups`,
    target,
    met: ratio === null ? null : within(ratio),
  });
  return [
    line('time of an iteration', iteration),
    line('time of an evaluation', evaluation),
    line('time of a run', run),
    line('peak memory of a run', memory),
  ];
}

function languageTargets(language: LanguageResult): Target[] {
  const { lines, diagnosticsRatio, completionRatio, burstRatio } = language;
  const { diagnosticsMilliseconds: ours, completionMilliseconds: completion } = language;
  const took = ({ median }: Spread) => `${median.toFixed(1)} ms`;
  return [
    {
      name: `all findings in a config of ${lines} lines over yaml-language-server's validation alone`,
      measured: `${spreadText(diagnosticsRatio)}, ${took(ours)}`,
      target: '≤ 2×',
      met: diagnosticsRatio.median <= 2,
    },
    {
      name: "completion in it over yaml-language-server's alone",
      measured: `${spreadText(completionRatio)}, ${took(completion)}`,
      target: '≤ 1.5×',
      met: completionRatio.median <= 1.5,
    },
    {
      name: 'the answer to the last of 20 keystrokes over one pass of completion and findings',
      measured: spreadText(burstRatio),
      target: '',
      met: null,
    },
  ];
}
