const CONTEXT = 3;

interface Edit {
  readonly kind: ' ' | '-' | '+';
  readonly line: string;
}

/** The shortest way from one list of lines to the other, by the longest common subsequence. */
function editsOf(before: readonly string[], after: readonly string[]): Edit[] {
  const width = after.length + 1;
  const common = new Uint16Array((before.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const out: Edit[] = [];
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      out.push({ kind: ' ', line: before[i++] ?? '' });
      j++;
    } else if (j >= after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1)))
      out.push({ kind: '-', line: before[i++] ?? '' });
    else out.push({ kind: '+', line: after[j++] ?? '' });
  }
  return out;
}

/** Stretches of edits with their context, as ranges of indices. */
function hunksOf(edits: readonly Edit[]): [number, number][] {
  const out: [number, number][] = [];
  for (const [index, { kind }] of edits.entries()) {
    if (kind === ' ') continue;
    const from = Math.max(0, index - CONTEXT);
    const to = Math.min(edits.length, index + CONTEXT + 1);
    const last = out.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else out.push([from, to]);
  }
  return out;
}

/** The `@@` line's lengths; a length of one is left out, as diff does. */
const range = (start: number, length: number): string =>
  length === 1 ? `${start}` : `${length === 0 ? start - 1 : start},${length}`;

/** As `diff -u` prints it, without the two lines that name the files. */
export function unifiedDiff(before: string, after: string): string {
  const lines = (text: string): string[] => text.replace(/\n$/, '').split('\n');
  const edits = editsOf(lines(before), lines(after));
  const count = (from: number, to: number, not: string): number =>
    edits.slice(from, to).filter(({ kind }) => kind !== not).length;
  return hunksOf(edits)
    .map(([from, to]) => {
      const old = range(count(0, from, '+') + 1, count(from, to, '+'));
      const fresh = range(count(0, from, '-') + 1, count(from, to, '-'));
      const body = edits.slice(from, to).map(({ kind, line }) => `${kind}${line}\n`);
      return `@@ -${old} +${fresh} @@\n${body.join('')}`;
    })
    .join('');
}
