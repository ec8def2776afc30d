import { useMemo, useState, type ReactNode } from 'react';

export interface Column<T> {
  readonly label: string;
  readonly cell: (row: T) => ReactNode;
  readonly num?: boolean;
  /** Makes the column sortable. */
  readonly by?: (row: T) => string | number;
  /** On a card the value needs no label. */
  readonly bare?: boolean;
  /** The cell that names the row. */
  readonly heads?: boolean;
}

interface TableProps<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly id: (row: T) => string;
  /** On a narrow screen: cards with labels, or lines for cells that explain themselves. */
  readonly narrow?: 'cards' | 'lines';
}

type Order = { readonly column: number; readonly down: boolean } | undefined;

/** More rows than anyone reads make the page slow; the rest is one click away. */
const PAGE = 100;

/** A table that becomes a list of cards on a narrow screen (styles.css); the roles keep it a table for screen readers. */
export function Table<T>({ caption, columns, rows, id, narrow = 'cards' }: TableProps<T>) {
  const [order, setOrder] = useState<Order>();
  const [shown, setShown] = useState(PAGE);
  const sorted = useMemo(() => sort(rows, columns, order), [rows, columns, order]);
  const press = (column: number): void =>
    setOrder((old) =>
      old?.column === column ? (old.down ? undefined : { column, down: true }) : { column, down: false },
    );
  return (
    <>
      <table role="table" className={`grid-table ${narrow === 'lines' ? 'as-lines' : ''}`}>
        <caption className="sr-only">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column, at) => (
              <HeaderCell
                key={column.label}
                column={column}
                order={order?.column === at ? order : undefined}
                onPress={() => press(at)}
              />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {sorted.slice(0, shown).map((row) => (
            <tr role="row" key={id(row)}>
              {columns.map(({ label, cell, num, heads, bare }) => (
                <td
                  role={heads === true ? 'rowheader' : 'cell'}
                  data-label={bare === true ? undefined : label}
                  key={label}
                  className={num === true ? 'num' : undefined}
                >
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > shown && (
        <button
          type="button"
          onClick={() => setShown(shown + 10 * PAGE)}
          className="w-full border-t border-line px-3 py-2 text-accent"
        >
          Show the other {sorted.length - shown}
        </button>
      )}
    </>
  );
}

interface HeaderProps<T> {
  readonly column: Column<T>;
  readonly order: Order;
  readonly onPress: () => void;
}

function HeaderCell<T>({ column: { label, num, by }, order, onPress }: HeaderProps<T>) {
  const sorted = order === undefined ? 'none' : order.down ? 'descending' : 'ascending';
  return (
    <th
      role="columnheader"
      scope="col"
      aria-sort={by === undefined ? undefined : sorted}
      className={num === true ? 'num' : undefined}
    >
      {by === undefined ? (
        label
      ) : (
        <button type="button" onClick={onPress} className="hover:text-text">
          {label}
          <span aria-hidden="true">{order === undefined ? '' : order.down ? ' ↓' : ' ↑'}</span>
        </button>
      )}
    </th>
  );
}

function sort<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order): readonly T[] {
  const by = order === undefined ? undefined : columns[order.column]?.by;
  if (order === undefined || by === undefined) return rows;
  const sign = order.down ? -1 : 1;
  const compare = (a: string | number, b: string | number): number =>
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : String(a).localeCompare(String(b), 'en', { numeric: true });
  return rows.toSorted((a, b) => sign * compare(by(a), by(b)));
}
