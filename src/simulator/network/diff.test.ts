import fc from 'fast-check';
import { expect, it } from 'vitest';
import { unifiedDiff } from './diff.ts';

/** What a patch program would make of the old lines. */
function patch(before: string, diff: string): string {
  const old = before.replace(/\n$/, '').split('\n');
  const out: string[] = [];
  let at = 0;
  for (const line of diff.replace(/\n$/, '').split('\n')) {
    const start = /^@@ -(\d+)(?:,(\d+))? /.exec(line);
    if (start !== null) {
      const first = Number(start[1]) - (start[2] === '0' ? 0 : 1);
      out.push(...old.slice(at, first));
      at = first;
    } else if (line.startsWith('+')) out.push(line.slice(1));
    else {
      if (line.startsWith(' ')) out.push(old[at] ?? '');
      at++;
    }
  }
  return `${[...out, ...old.slice(at)].join('\n')}\n`;
}

it('a diff turns the old text into the new one', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', '', 'iface'), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [before, after] = [`${a.join('\n')}\n`, `${b.join('\n')}\n`];
      const diff = unifiedDiff(before, after);
      if (before === after) expect(diff).toBe('');
      else expect(patch(before, diff)).toBe(after);
    }),
  );
});
