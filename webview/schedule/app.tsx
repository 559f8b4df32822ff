import { useMemo } from 'preact/hooks';
import { computed, signal } from '@preact/signals';
import type { ExplorationPreview } from '../../engine/protocol.ts';
import { chartGroup, LineFigure, type LineChart, type Range } from '../charts/index.ts';
import { Banner, Button, DataTable, Empty, Facts, Failure, LiveRegion, Loading, type Column } from '../ui/index.ts';
import { energyChart, equalizerChart, gradientChart, noiseChart, sigmaChart } from './charts.ts';
import type { ScheduleStore } from './store.ts';

/** How a config explores, as it is typed. */
export function App({ store }: { store: ScheduleStore }) {
  const { setup, preview, problem, connection } = store;
  return (
    <main class="schedule">
      <LiveRegion />
      <header>
        <h1>Exploration</h1>
        <p class="schedule-name">{setup.value?.name ?? ''}</p>
      </header>
      {connection.value.state === 'disconnected' ? (
        <Banner tone="warning">{connection.value.message ?? 'The engine is not connected.'}</Banner>
      ) : null}
      {problem.value ? <Failure title={problem.value.message} remedy={problem.value.remedy} /> : null}
      <Errors store={store} />
      {preview.value ? <Preview store={store} preview={preview.value} /> : <Nothing store={store} />}
    </main>
  );
}

function Nothing({ store }: { store: ScheduleStore }) {
  if (store.problem.value) return null;
  if (store.diagnostics.value.length === 0) return <Loading text="Computing the kernels’ tables" />;
  return (
    <Empty icon="graph-line" title="Nothing to show yet">
      The config has errors. The charts appear when sampling and exploration are valid.
    </Empty>
  );
}

/** Errors of the config, each with its place. */
function Errors({ store }: { store: ScheduleStore }) {
  const errors = store.diagnostics.value.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return null;
  const old = store.preview.value !== null && !store.current.value;
  return (
    <Banner tone="bad">
      <p>{old ? 'The charts show the config as it was before this:' : 'This config cannot be launched:'}</p>
      <ul class="schedule-errors">
        {errors.slice(0, 5).map(({ line, column, message, remedy }) => (
          <li key={`${line} ${column} ${message}`}>
            <Button kind="plain" onClick={() => store.openConfig(line, column)}>{`Line ${line}`}</Button>
            <span>{` ${message} ${remedy}`}</span>
          </li>
        ))}
      </ul>
      {errors.length > 5 ? <p>{`And ${errors.length - 5} more.`}</p> : null}
    </Banner>
  );
}

function Preview({ store, preview }: { store: ScheduleStore; preview: ExplorationPreview }) {
  const { kernel, eta, sigmas, stepsPerSample, equalizer, kernels } = preview;
  const steps = kernels.find((each) => each.kernel === kernel)?.steps ?? [];
  const explored = steps.flatMap(({ explored }, k) => (explored ? [k] : []));
  const trained = stepsPerSample === null ? explored.length : Math.min(stepsPerSample, explored.length);
  const faults = kernels.filter(({ fault }) => fault !== null);
  const figure = useFigures(store, sigmas.length);
  return (
    <>
      <Facts
        facts={[
          ['Kernel', kernel],
          ['η', String(eta)],
          ['Steps', String(sigmas.length - 1)],
          ['Explored', explored.length === 0 ? 'none' : `${explored.length}: ${rangesOf(explored)}`],
          ['Trained', stepsPerSample === null ? 'all explored' : `${trained} of them, drawn for each micro-batch`],
          ['Equalizer', equalizer],
        ]}
      />
      {explored.length === 0 ? (
        <Banner tone="warning">
          No step is explored: all rollouts of a prompt would be alike, and nothing learned.
        </Banner>
      ) : null}
      <div class="chart-grid">
        {figure(sigmaChart(preview))}
        {figure(noiseChart(preview), 'Noise that each kernel adds at a step, at the η of this config.')}
        {figure(
          energyChart(preview),
          'Injected variance over what the exact process has between the two noise levels. Above 1, rollouts leave the data manifold.',
        )}
        {figure(gradientChart(preview), 'Without an equalizer a step learns in proportion to this.')}
        {figure(equalizerChart(preview), 'The weight that makes N_k · e_k the same at every explored step.')}
      </div>
      {faults.map(({ kernel, fault }) => (
        <p key={kernel} class="schedule-fault">{`${kernel} cannot be used here: ${fault}`}</p>
      ))}
      <StepTable preview={preview} />
    </>
  );
}

/** `0–3, 5`. */
function rangesOf(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const value of numbers) {
    const last = runs.at(-1);
    if (last && value === last[1] + 1) last[1] = value;
    else runs.push([value, value]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}

interface Row {
  k: number;
  values: (number | null)[];
  explored: boolean;
}

const digits = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : value === 0 ? '0' : value.toPrecision(4);

function StepTable({ preview: { sigmas, kernel, kernels } }: { preview: ExplorationPreview }) {
  const steps = kernels.find((each) => each.kernel === kernel)?.steps ?? [];
  const names = ['σ', 'σ after', 's', 's² / Σ', 'N', 'e'];
  const columns: Column<Row>[] = [
    { id: 'k', label: 'Step', cell: ({ k }) => k, sortBy: ({ k }) => k, numeric: true },
    ...names.map((label, i): Column<Row> => ({
      ...{ id: label, label, numeric: true },
      cell: ({ values }) => digits(values[i]),
      sortBy: ({ values }) => values[i] ?? null,
    })),
    { id: 'explored', label: 'Explored', cell: ({ explored }) => (explored ? 'yes' : 'no') },
  ];
  const rows = steps.map(({ s, excessEnergy, outputGradientNorm, equalizer, explored }, k) => ({
    ...{ k, explored },
    values: [sigmas[k], sigmas[k + 1], s, excessEnergy, outputGradientNorm, equalizer],
  }));
  return <DataTable caption={`Steps of ${kernel}`} columns={columns} rows={rows} rowKey={({ k }) => k} />;
}

/** Line figures over steps that share their cursor and zoom. */
function useFigures(store: ScheduleStore, levels: number) {
  const { group, extent } = useMemo(() => {
    const extent = signal<Range>([0, 1]);
    const zoom = signal<Range | null>(null);
    const name = () => store.setup.value?.name.replace(/\.sage\.yaml$/, '').replaceAll(/[/\\]/g, '-') ?? 'config';
    const made = chartGroup(
      computed(() => extent.value),
      zoom,
      (range) => (zoom.value = range),
      (chart, format, data) => store.save(`${name()}-${chart}.${format}`, format, data),
    );
    return { group: made, extent };
  }, [store]);
  if (extent.value[1] !== Math.max(1, levels - 1)) {
    extent.value = [0, Math.max(1, levels - 1)];
    group.setZoom(null);
  }
  return (chart: LineChart, note?: string) => (
    <LineFigure
      key={chart.id}
      chart={chart}
      group={group}
      note={note}
      state={{
        log: store.choice(`log.${chart.id}`, chart.id === 'energy' || chart.id === 'gradient'),
        hidden: store.choice(`hidden.${chart.id}`, ''),
      }}
    />
  );
}
