import { pad, visible, type Style } from './text.ts';

interface TableShape {
  readonly width: number;
  readonly style: Style;
  /** The column that is wrapped when the terminal is narrow; the others are ids and stay whole. The last when absent. */
  readonly flex?: number;
}

const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((name) => [name, '']),
);
const GAP = 2;

/** Rows under a head, without lines, so that it can be cut and searched. */
export async function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  shape: TableShape,
): Promise<string[]> {
  if (rows.length === 0) return [];
  const { default: Table } = await import('cli-table3');
  const widths = head.map((title, index) => Math.max(visible(title), ...rows.map((row) => visible(row[index] ?? ''))));
  const flex = shape.flex ?? head.length - 1;
  const over = widths.reduce((sum, width) => sum + width, GAP * (head.length - 1)) - shape.width;
  // A word (an address, an id) stays whole, so that it can be copied, even where the line gets longer than the terminal.
  const words = [head[flex] ?? '', ...rows.flatMap((row) => (row[flex] ?? '').split(' '))];
  if (over > 0) widths[flex] = Math.max(...words.map(visible), (widths[flex] ?? 0) - over);
  const drawn = new Table({
    head: head.map(shape.style.bold),
    chars: { ...NO_LINES, middle: ' '.repeat(GAP) },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colWidths: widths,
    wordWrap: true,
    wrapOnWordBoundary: true,
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

/** Names and values, one pair a line. */
export function pairs(entries: readonly (readonly [string, string])[], style: Style): string[] {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${style.dim(pad(name, width))}  ${value}`.trimEnd());
}
