import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { progressFraction } from './progress.ts';

test.each<[string, number | undefined]>([
  ['transferred 1.0 GiB of 2.0 GiB (50.00%)', 0.5],
  ['drive-scsi0: transferred 0.0 B of 32.0 GiB (12.5%) in 3s', 0.125],
  ['mirror-scsi0: transferred 14.0 MiB of 1.0 GiB (1.37%) in 0s', 0.0137],
  ['mirror-scsi0: transferred 1.0 GiB of 1.0 GiB (100.00%) in 1s, ready', 1],
  ['INFO:  72% (744.0 MiB of 1.0 GiB) in 3s, read: 248.0 MiB/s, write: 0 B/s', 0.72],
  ['progress 9% (read 96636764 bytes, duration 0 sec)', 0.09],
  ['migration active, transferred 512.0 MiB of 4.0 GiB VM-state, 110.3 MiB/s', 0.125],
  ['INFO: backup is sparse: 1.00 GiB (100%) total zero data', undefined],
  ['total bytes read 1073741824, sparse bytes 1073741824 (100%)', undefined],
  ['INFO: backup was done incrementally, reused 30.00 GiB (93%)', undefined],
  ['creating a clone of VM 100 with ID 190', undefined],
  ['TASK OK', undefined],
  ['odd 250% claim', undefined],
  ['transferred 0 B of 0 B', undefined],
  ['', undefined],
])('%s', (line, fraction) => {
  const seen = progressFraction(line);
  if (fraction === undefined) expect(seen).toBeUndefined();
  else expect(seen).toBeCloseTo(fraction, 10);
});

test('whatever the line, the fraction is between 0 and 1', () => {
  const numbers = fc.tuple(fc.double({ min: 0, noNaN: true }), fc.double({ min: 0, noNaN: true }));
  const lines = fc.oneof(
    fc.string(),
    numbers.map(([a, b]) => `transferred ${a} GiB of ${b} MiB`),
    numbers.map(([a]) => `at ${a}%`),
  );
  fc.assert(
    fc.property(lines, (line) => {
      const fraction = progressFraction(line);
      if (fraction !== undefined) expect(fraction >= 0 && fraction <= 1).toBe(true);
    }),
  );
});
