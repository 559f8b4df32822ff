import { createHash } from 'node:crypto';
import { createHealth } from '../health/health.ts';
import type { HealthFinding } from '../protocol/view.ts';
import type { EventOf, RunEvent } from '../run/events.ts';
import type { CurrentStatus, RunRecord } from '../run/folder.ts';
import type { HeatMap, LineChart } from './chart-types.ts';
import { formatDuration, formatNumber } from './format.ts';
import { html, scriptJson } from './html.ts';
import type { Html } from './html.ts';
import type { Pairs } from './rollouts.ts';
import { compareEvaluations, healthOf, roomClosed, sentenceOf } from './summary.ts';
import { comparisonSection, findingList, healthSection, roomStyle, warningList } from './sections.ts';

/** All that a report shows. */
export interface ReportContent {
  record: RunRecord;
  status: CurrentStatus;
  /** config.sage.yaml as launched; null when it is missing. */
  configText: string | null;
  events: RunEvent[];
  iterations: EventOf<'iteration'>[];
  evaluations: EventOf<'evaluation'>[];
  /** Iterations in a column of charts and maps. */
  binSize: number;
  charts: LineChart[];
  maps: HeatMap[];
  pairs: Pairs | null;
  assets: { script: string; style: string };
}

/** The whole file. Scripts and styles are allowed by their hash, so nothing that was put in by a prompt can run. */
export function renderPage(content: ReportContent): string {
  const { record, assets, charts, maps, pairs } = content;
  const style = assets.style + roomStyle(roomClosed(content.evaluations));
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(assets.script)}'`,
    `style-src '${hashOf(style)}'`,
    'img-src data:',
    'media-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const data = { charts, maps, pairs };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
${html`<title>${record.name} · SAGE-GRPO report</title>`.html}
<style>${style}</style>
</head>
${body(content).html}
<script type="application/json" id="data">${scriptJson(data)}</script>
<script type="module">${assets.script}</script>
</html>
`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

const statusWords: Record<CurrentStatus, string> = {
  running: 'is running',
  paused: 'is paused',
  stopped: 'was stopped',
  finished: 'finished',
  failed: 'failed',
  crashed: 'crashed',
};

function body(content: ReportContent): Html {
  const { record, status, iterations, evaluations, events, charts, maps, pairs } = content;
  const findings = findingsOf(content);
  const groups = numberAt(record.config, 'rollout', 'prompts_per_iteration') ?? 0;
  const health = healthOf(iterations, events, groups, findings);
  return html`<body>
    <a class="skip" href="#main">Skip to the result</a>
    <header class="top">
      <div class="top-line">
        <h1>${record.name}</h1>
        <p class="status status-${status}">${statusWords[status]}</p>
      </div>
      <p class="facts">${factsOf(content).map((fact) => html`<span>${fact}</span> `)}</p>
      <nav aria-label="Sections">
        <a href="#result">Result</a> ${pairs && html`<a href="#videos">Videos</a>`}
        ${charts.length > 0 && html`<a href="#curves">Curves</a>`}
        ${maps.length > 0 && html`<a href="#steps">Steps</a>`}
        <a href="#config">Config</a>
      </nav>
    </header>
    <main id="main">
      ${troubleOf(content)}
      <section id="result" aria-labelledby="result-title">
        <h2 id="result-title" class="unseen">Result</h2>
        <p class="sentence">${sentenceOf(evaluations)}</p>
        <div class="result">
          <div>${comparisonSection(compareEvaluations(evaluations), evaluations, roomClosed(evaluations))}</div>
          <div>${healthSection(health)}</div>
        </div>
        ${findingList(findings)} ${warningList(events)}
      </section>
      ${pairs && videoSection(pairs)}
      ${charts.length > 0 && figureSection('curves', 'Curves', binNote(content), 'chart', charts)}
      ${
        maps.length > 0 &&
        figureSection(
          'steps',
          'Steps over time',
          'Each row is a step of the sampler, from pure noise at the top to the finished video; each column an iteration. ' +
            'Where a field is blank the step was not trained in that iteration. The colour scale is logarithmic.',
          'map',
          maps,
        )
      }
      ${configSection(content)}
    </main>
    <noscript><p class="notice">Videos, curves and maps need JavaScript, which is off here.</p></noscript>
  </body>`;
}

/** What the dashboard shows of this run under Health. */
function findingsOf({ record, status, events }: ReportContent): HealthFinding[] {
  const health = createHealth(record.config);
  for (const event of events) health.add(event);
  return health.findings(status);
}

function factsOf({ record, iterations }: ReportContent): string[] {
  const at = (...path: string[]) => numberAt(record.config, ...path);
  const planned = at('training', 'iterations');
  const perIteration = (at('rollout', 'prompts_per_iteration') ?? 0) * (at('rollout', 'generations') ?? 0);
  const seconds = iterations.reduce((sum, iteration) => sum + iteration.seconds.total, 0);
  const kernel = valueAt(record.config, 'exploration', 'kernel');
  const model = valueAt(record.config, 'policy', 'model');
  const memory = Math.max(0, ...iterations.map((iteration) => iteration.peakMemory ?? 0));
  return [
    typeof model === 'string' ? `model ${model}` : '',
    typeof kernel === 'string' ? `kernel ${kernel}` : '',
    `${iterations.length}${planned ? ` of ${planned}` : ''} iterations`,
    perIteration > 0 ? `${perIteration} rollouts each` : '',
    seconds > 0 ? formatDuration(seconds) : '',
    memory > 0 ? `peak memory ${formatNumber(memory / 2 ** 30, 2)} GiB` : '',
    `seed ${record.provenance.seed}`,
    record.created.slice(0, 16).replace('T', ' ') + ' UTC',
  ].filter((fact) => fact !== '');
}

function troubleOf({ record, status, iterations }: ReportContent): Html | null {
  if (status === 'finished' || status === 'running' || status === 'paused') return null;
  const after = `after iteration ${iterations.at(-1)?.iteration ?? 0}`;
  const ending =
    status === 'crashed'
      ? 'Its process ended without a word. Resume it from its last checkpoint.'
      : (record.message ?? '');
  return html`<p class="notice ${status === 'stopped' ? '' : 'notice-bad'}">
    <strong>The run ${statusWords[status]} ${after}.</strong> ${ending}
  </p>`;
}

function binNote({ binSize }: ReportContent): string {
  const keys = 'Point at a curve, or focus it and use the arrow keys, to read values.';
  return binSize > 1 ? `Each point is the mean of ${binSize} iterations. ${keys}` : keys;
}

function videoSection({ first, last, available, shown }: Pairs): Html {
  const which =
    shown.length < available
      ? `${shown.length} of ${available} pairs, evenly spaced, so not chosen by how they look.`
      : `All ${available} pairs.`;
  return html`<section id="videos" aria-labelledby="videos-title">
    <h2 id="videos-title">First against last</h2>
    <p class="note">
      The same prompt and the same noise, sampled without exploration before training (iteration ${first}) and at
      iteration ${last}. ${which}
    </p>
    <div id="rollouts"></div>
  </section>`;
}

function figureSection(id: string, title: string, note: string, kind: string, items: (LineChart | HeatMap)[]): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    <p class="note">${note}</p>
    <div class="figures">
      ${items.map(
        (item) =>
          html`<figure>
            <figcaption>
              <h3>${item.title}</h3>
              <p>${item.reading}</p>
            </figcaption>
            <div class="plot" data-${kind}="${item.id}"></div>
          </figure> `,
      )}
    </div>
  </section>`;
}

function configSection({ record, configText }: ReportContent): Html {
  const { provenance } = record;
  const rows: [string, string][] = [
    ['Run', record.id],
    ['Commit', provenance.commit ? provenance.commit + (provenance.modified ? ' (with changes)' : '') : ''],
    ['Machine', `${provenance.host}, ${provenance.cpu}, ${provenance.cores} cores, ${provenance.platform}`],
    ['Devices', provenance.devices.join(', ')],
    [
      'Versions',
      Object.entries(provenance.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ...(record.changes ?? []).map(({ path, from, to, iteration }): [string, string] => [
      'Changed',
      `${path} from ${from} to ${to} after iteration ${iteration}`,
    ]),
  ];
  return html`<section id="config" aria-labelledby="config-title">
    <h2 id="config-title">Config and origin</h2>
    <dl class="origin">
      ${rows
        .filter(([, value]) => value !== '')
        .map(
          ([name, value]) =>
            html`<dt>${name}</dt>
              <dd>${value}</dd>`,
        )}
    </dl>
    <details>
      <summary>Config as launched</summary>
      <pre tabindex="0">${configText ?? 'config.sage.yaml is missing.'}</pre>
    </details>
    <details>
      <summary>Config with every default</summary>
      <pre tabindex="0">${JSON.stringify(record.config, null, 2)}</pre>
    </details>
  </section>`;
}

function valueAt(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | null | undefined)?.[key], value);
}

function numberAt(value: unknown, ...path: string[]): number | null {
  const found = valueAt(value, ...path);
  return typeof found === 'number' ? found : null;
}
