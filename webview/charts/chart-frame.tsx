import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { announce, DataTable, IconButton, Menu } from '../ui/index.ts';
import { csvOf } from './csv.ts';
import type { ChartGroup } from './group.ts';
import type { Table } from './model.ts';
import { formatNumber } from './numbers.ts';
import { pngOf } from './png.ts';

/** A chart with its title, its tools and the table behind it. */
export function ChartFrame(props: {
  id: string;
  title: string;
  /** What it shows and how to read it, in a sentence or two. */
  note?: ComponentChildren;
  group: ChartGroup;
  table: () => Table;
  svg: () => string;
  tools?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { id, title, note, group, table, svg, tools, children } = props;
  const asTable = useSignal(false);
  const exports = [
    { id: 'svg', label: 'Save as SVG…', onSelect: () => group.save(id, 'svg', svg()) },
    {
      id: 'png',
      label: 'Save as PNG…',
      onSelect: () => {
        pngOf(svg()).then(
          (data) => group.save(id, 'png', data),
          () => announce('The picture could not be made. Save it as SVG instead.'),
        );
      },
    },
    { id: 'csv', label: 'Save Series as CSV…', onSelect: () => group.save(id, 'csv', csvOf(table())) },
  ];
  return (
    <section class="chart" id={`chart-${id}`} tabIndex={-1} aria-labelledby={`chart-title-${encodeURIComponent(id)}`}>
      <div class="chart-head">
        <h2 id={`chart-title-${encodeURIComponent(id)}`}>{title}</h2>
        <div class="chart-tools">
          {tools}
          <IconButton
            icon="table"
            label={asTable.value ? 'Show as chart' : 'Show as table'}
            pressed={asTable.value}
            onClick={() => (asTable.value = !asTable.value)}
          />
          <Menu label="Export" icon="export" items={exports} />
        </div>
      </div>
      {note ? <p class="chart-note">{note}</p> : null}
      {asTable.value ? <ChartTable title={title} table={table()} /> : children}
    </section>
  );
}

function ChartTable({ title, table }: { title: string; table: Table }) {
  return (
    <DataTable
      caption={title}
      hideCaption
      columns={table.headings.map((label, i) => ({
        id: String(i),
        label,
        numeric: true,
        sortBy: (row: Table['rows'][number]) => row[i],
        cell: (row: Table['rows'][number]) =>
          /^(First |Last |Step$)/.test(label) ? String(row[i]) : formatNumber(row[i], 4),
      }))}
      rows={table.rows}
      rowKey={(row) => `${row[0]} ${row[1]}`}
      order={{ column: '0', descending: true }}
    />
  );
}
