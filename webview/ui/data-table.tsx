import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { Button } from './button.tsx';
import { Icon } from './icon.tsx';

export interface Column<Row> {
  id: string;
  /** With its unit. */
  label: string;
  /** What is sorted by; left out where sorting makes no sense. */
  sortBy?: (row: Row) => number | string | null;
  cell: (row: Row) => ComponentChildren;
  numeric?: boolean;
}

export interface Order {
  column: string;
  descending: boolean;
}

/** Rows in an order; what has no value comes last either way. */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  order: Order | null,
): readonly Row[] {
  const by = columns.find(({ id }) => id === order?.column)?.sortBy;
  if (!order || !by) return rows;
  const sign = order.descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [by(a), by(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y)));
  });
}

/** A table that is sorted by its headings. Long ones show their first `page` rows and more on demand. */
export function DataTable<Row>(props: {
  caption: string;
  hideCaption?: boolean;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
  order?: Order | null;
  page?: number;
}) {
  const { caption, hideCaption = false, columns, rows, rowKey, page = 100 } = props;
  const [order, setOrder] = useState<Order | null>(props.order ?? null);
  const [shown, setShown] = useState(page);
  const sorted = useMemo(() => sortRows(rows, columns, order), [rows, columns, order]);
  const turn = ({ id }: Column<Row>) =>
    setOrder({ column: id, descending: order?.column === id ? !order.descending : false });
  return (
    <div class="ui-table-frame" tabIndex={0} role="region" aria-label={caption}>
      <table class="ui-table">
        <caption class={hideCaption ? 'ui-hidden' : undefined}>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.id} column={column} order={order} onTurn={() => turn(column)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, shown).map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td key={column.id} class={column.numeric ? 'ui-numeric' : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown ? (
        <p class="ui-table-more">
          {`${shown} of ${rows.length} rows. `}
          <Button
            kind="plain"
            onClick={() => setShown(shown + page)}
          >{`Show ${Math.min(page, rows.length - shown)} more`}</Button>
        </p>
      ) : null}
    </div>
  );
}

function Heading<Row>({ column, order, onTurn }: { column: Column<Row>; order: Order | null; onTurn: () => void }) {
  const descending = order?.column === column.id ? order.descending : null;
  const sort = descending === null ? 'none' : descending ? 'descending' : 'ascending';
  const sortable = column.sortBy !== undefined;
  return (
    <th scope="col" class={column.numeric ? 'ui-numeric' : undefined} aria-sort={sortable ? sort : undefined}>
      {sortable ? (
        <button type="button" class="ui-sort" onClick={onTurn}>
          <span>{column.label}</span>
          <Icon name={descending === null ? 'blank' : descending ? 'arrow-down' : 'arrow-up'} />
        </button>
      ) : (
        column.label
      )}
    </th>
  );
}
