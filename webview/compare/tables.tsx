import type { Comparison } from '../../engine/protocol.ts';
import { formatDuration, formatNumber } from '../charts/index.ts';
import { configEntries, configValue, valueText } from '../dashboard/config-values.ts';
import { statusLooks } from '../dashboard/status.ts';
import { signed } from '../media/numbers.ts';
import { Badge, Button, DataTable, Empty, type Column } from '../ui/index.ts';
import { csvOfRows } from './csv-rows.ts';
import type { RunLook } from './looks.ts';
import { RunMark, RunName } from './mark.tsx';
import type { CompareStore } from './store.ts';

interface TableProps {
  store: CompareStore;
  comparison: Comparison;
  looks: readonly RunLook[];
}

type Row = Comparison['rows'][number];

/** How the policy of each run was evaluated: first, last and best. */
export function EvaluationTable({ store, comparison, looks }: TableProps) {
  const lookOf = (row: Row) => looks.find(({ id }) => id === row.id) ?? looks[0];
  const rewardOf = (which: 'first' | 'last' | 'best') => (row: Row) => row[which]?.reward ?? null;
  const cell = (which: 'first' | 'last' | 'best') => (row: Row) => {
    const found = row[which];
    return found ? (
      <>
        {formatNumber(found.reward)} <small>{`± ${formatNumber(found.rewardStd)}, it. ${found.iteration}`}</small>
      </>
    ) : (
      '–'
    );
  };
  const number = (id: string, label: string, value: (row: Row) => number | null, text: (row: Row) => string) => ({
    ...{ id, label, numeric: true, sortBy: value },
    cell: (row: Row) => text(row),
  });
  const columns: Column<Row>[] = [
    { id: 'run', label: 'Run', sortBy: (row) => lookOf(row).letter, cell: (row) => <RunName look={lookOf(row)} /> },
    { id: 'first', label: 'First reward', numeric: true, sortBy: rewardOf('first'), cell: cell('first') },
    { id: 'last', label: 'Last reward', numeric: true, sortBy: rewardOf('last'), cell: cell('last') },
    { id: 'best', label: 'Best reward', numeric: true, sortBy: rewardOf('best'), cell: cell('best') },
    number(
      'gain',
      'Gain',
      (row) => row.rewardGain,
      (row) => signed(row.rewardGain),
    ),
    number(
      'distance',
      'Distance change',
      (row) => row.distanceChange,
      (row) => signed(row.distanceChange),
    ),
    number(
      'iterations',
      'Iterations',
      (row) => row.iterations,
      (row) => String(row.iterations),
    ),
    number(
      'updates',
      'Updates',
      (row) => row.updates,
      (row) => String(row.updates),
    ),
    number(
      'seconds',
      'Time',
      (row) => row.seconds,
      (row) => formatDuration(row.seconds),
    ),
    {
      id: 'status',
      label: 'Status',
      sortBy: (row) => row.status,
      cell: ({ status }) => (
        <Badge icon={statusLooks[status].icon} tone={statusLooks[status].tone}>
          {statusLooks[status].word}
        </Badge>
      ),
    },
  ];
  return (
    <>
      <div class="compare-tools">
        <Button icon="export" onClick={() => store.save('evaluation', 'csv', evaluationCsv(comparison.rows))}>
          Save as CSV…
        </Button>
      </div>
      <DataTable
        caption="Evaluation before, after and at its best. Gain and distance change: last against first."
        columns={columns}
        rows={comparison.rows}
        rowKey={(row) => row.id}
      />
    </>
  );
}

/** The evaluation table in full precision. */
export function evaluationCsv(rows: readonly Row[]): string {
  const of = (evaluation: Row['first']) => [
    evaluation?.iteration ?? null,
    evaluation?.reward ?? null,
    evaluation?.rewardStd ?? null,
    evaluation?.distance ?? null,
  ];
  const parts = ['first', 'last', 'best'].flatMap((which) =>
    ['iteration', 'reward', 'reward std', 'distance'].map((name) => `${which} ${name}`),
  );
  return csvOfRows([
    ['run', 'status', ...parts, 'reward gain', 'distance change', 'iterations', 'updates', 'seconds'],
    ...rows.map((row) => [
      ...[row.id, row.status, ...of(row.first), ...of(row.last), ...of(row.best)],
      ...[row.rewardGain, row.distanceChange, row.iterations, row.updates, row.seconds],
    ]),
  ]);
}

/** The keys that are not the same in all configs, and how many are. */
export function ConfigDifferences({ store, comparison, looks }: TableProps) {
  const { differences, runs } = comparison;
  const keys = new Set(runs.flatMap(({ config }) => configEntries(config).map(({ key }) => key)));
  const same = Math.max(0, keys.size - differences.length);
  const textAt = (key: string, run: number) => {
    // What a config lacks comes as null; the config itself tells the two apart.
    const value = configValue(runs[run].config, key);
    return value === undefined ? (differences.find((d) => d.key === key)?.values[run] ?? undefined) : value;
  };
  if (differences.length === 0)
    return (
      <Empty icon="check" title="All configs are the same">
        {`${same} keys have the same value in all runs.`}
      </Empty>
    );
  const cells = differences.map(({ key }) => ({ key, texts: runs.map((_, run) => valueText(textAt(key, run))) }));
  return (
    <>
      <div class="compare-tools">
        <p class="compare-note">{`${differences.length} ${differences.length === 1 ? 'key differs' : 'keys differ'}, ${same} are the same in all runs.`}</p>
        <Button
          icon="export"
          onClick={() =>
            store.save(
              'config-differences',
              'csv',
              csvOfRows([['key', ...runs.map(({ id }) => id)], ...cells.map(({ key, texts }) => [key, ...texts])]),
            )
          }
        >
          Save as CSV…
        </Button>
      </div>
      <div class="ui-table-frame" tabIndex={0} role="region" aria-label="Differences of the configs">
        <table class="ui-table differences">
          <caption class="ui-hidden">Differences of the configs</caption>
          <thead>
            <tr>
              <th scope="col">Key</th>
              {looks.map((look) => (
                <th key={look.id} scope="col" title={look.id}>
                  <RunMark look={look} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cells.map(({ key, texts }) => (
              <tr key={key}>
                <th scope="row" class="ui-code">
                  {key}
                </th>
                {texts.map((text, i) => (
                  <td key={looks[i].id} class="ui-code">
                    {text}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
