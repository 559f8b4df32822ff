import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { RunSummary } from '../../engine/protocol.ts';
import { formatBytes, formatDuration, formatTime, LineFigure } from '../charts/index.ts';
import { Badge, Button, DataTable, Facts, IconButton, Loading, SearchField } from '../ui/index.ts';
import { configEntries } from './config-values.ts';
import { memoryChart, timeChart } from './lines-of.ts';
import type { RunCharts } from './run-charts.ts';
import type { Store } from './store.ts';

/** What was run, with what, where, and how fast. */
export function RunTab({ store, charts }: { store: Store; charts: RunCharts }) {
  const summary = store.summary.value;
  const drawing = { series: charts.series.value, smoothing: store.choice('smoothing', 0).value };
  return (
    <>
      {summary ? <Warnings summary={summary} /> : null}
      {drawing.series.first.length > 0 ? (
        <div class="chart-grid">
          <LineFigure chart={timeChart(drawing)} group={charts.group} state={charts.lineState('time')} />
          <LineFigure chart={memoryChart(drawing)} group={charts.group} state={charts.lineState('memory')} />
        </div>
      ) : null}
      {summary ? <Config store={store} summary={summary} /> : <Loading text="Reading config and provenance…" />}
      {summary ? <Provenance store={store} summary={summary} /> : null}
    </>
  );
}

function Warnings({ summary }: { summary: RunSummary }) {
  if (summary.warnings.length === 0) return null;
  return (
    <section class="run-section">
      <h2>Warnings of the trainer</h2>
      <ul class="health">
        {summary.warnings.map(({ code, message, remedy, count, iteration }) => (
          <li key={`${code} ${message}`} class="health-finding health-warning">
            <div class="health-head">
              <Badge icon="warning" tone="warning">
                Warning
              </Badge>
              <span class="health-where">{`${count === 1 ? '' : `${count} times, last in `}iteration ${iteration}`}</span>
            </div>
            <p>{message}</p>
            <p class="health-where">{remedy}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

const wanted = signal('');

function Config({ store, summary }: { store: Store; summary: RunSummary }) {
  const entries = useMemo(() => configEntries(summary.config), [summary]);
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = entries.filter(({ key, text }) => words.every((word) => `${key} ${text}`.toLowerCase().includes(word)));
  return (
    <section class="run-section">
      <div class="ui-row">
        <h2>Config</h2>
        <SearchField label="Find a key or value" value={wanted.value} onChange={(text) => (wanted.value = text)} />
        <span role="status" class="chart-note">{`${found.length} of ${entries.length}`}</span>
        <Button icon="go-to-file" onClick={() => store.act('config')}>
          Open Config
        </Button>
      </div>
      <DataTable
        caption="Resolved config"
        hideCaption
        columns={[
          { id: 'key', label: 'Key', sortBy: ({ key }) => key, cell: ({ key }) => <span class="ui-code">{key}</span> },
          {
            id: 'value',
            label: 'Value',
            sortBy: ({ text }) => text,
            cell: ({ text }) => <span class="ui-code">{text}</span>,
          },
          {
            id: 'copy',
            label: 'Copy',
            cell: ({ key, text }) => (
              <IconButton icon="copy" label={`Copy ${key}`} onClick={() => store.copy(`${key}: ${text}`)} />
            ),
          },
        ]}
        rows={found}
        rowKey={({ key }) => key}
        page={200}
      />
    </section>
  );
}

function Provenance({ store, summary }: { store: Store; summary: RunSummary }) {
  const { provenance, id, folder, created, seconds, updates } = summary;
  const commit =
    provenance.commit === null
      ? 'not in a git work tree'
      : `${provenance.commit}${provenance.modified ? ', modified' : ''}`;
  return (
    <section class="run-section">
      <h2>Provenance</h2>
      <Facts
        facts={[
          ['Run', id],
          [
            'Folder',
            <span key="folder">
              <span class="ui-code">{folder}</span>{' '}
              <IconButton icon="copy" label="Copy path of the run folder" onClick={() => store.copy(folder)} />
            </span>,
          ],
          ['Created', formatTime(created)],
          ['Time in training', formatDuration(seconds)],
          ['Optimizer updates', String(updates)],
          ['Seed', String(provenance.seed)],
          ['Commit', commit],
          ['Host', provenance.host],
          ['Devices', provenance.devices.join(', ')],
          ['Processor', `${provenance.cpu}, ${provenance.cores} cores`],
          ['Memory', formatBytes(provenance.memory)],
          ['Platform', provenance.platform],
          ...Object.entries(provenance.versions).map(([name, version]): [string, string] => [name, version]),
        ]}
      />
    </section>
  );
}
