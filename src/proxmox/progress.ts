/** Sizes as PVE's logs write them. */
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/** Shares that are no progress: how much of an image is empty, already there, or squeezed. */
const OTHER_SHARE = /sparse|zero data|reused|dedup|compress/i;

const PERCENT = /(?:^|[\s(:])(\d{1,3}(?:\.\d+)?)\s?%/;
const AMOUNTS = /transferred ([\d.]+) ([KMGT]?i?B) of ([\d.]+) ([KMGT]?i?B)/;

/**
 * How far a task is, 0 to 1, where a line of its log tells: `transferred 1.0 GiB of 2.0 GiB (50.00%)`, `mirror-scsi0: ...
 * (12.5%)`, `INFO:  72% (...)`, `progress 9% (...)`, or amounts without a share as in live migration.
 */
export function progressFraction(line: string): number | undefined {
  if (OTHER_SHARE.test(line)) return undefined;
  const percent = PERCENT.exec(line)?.[1];
  if (percent !== undefined) return Number(percent) <= 100 ? Number(percent) / 100 : undefined;
  const [, done = '', doneUnit = '', whole = '', wholeUnit = ''] = AMOUNTS.exec(line) ?? [];
  const fraction =
    (Number(done) * (UNITS[doneUnit] ?? Number.NaN)) / (Number(whole) * (UNITS[wholeUnit] ?? Number.NaN));
  return Number.isFinite(fraction) && fraction <= 1 ? fraction : undefined;
}
