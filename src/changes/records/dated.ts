import type { Principal } from '../../identity/index.ts';
import type { StoreReader } from '../../store/index.ts';
import { Zone } from '../calendar/index.ts';
import { maySee } from './access.ts';
import { changesOf, type ChangeRecord } from './record.ts';

const DAY_SECONDS = 86_400;
/** How a date begins that a calendar can show: `2026-11-28`, `2026-11-28 20:00`. */
const DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{1,2}:\d{2}))?(?![\d:])/;

/** A change on the day that it is meant for; times in milliseconds since the epoch. */
export interface DatedChange {
  readonly record: ChangeRecord;
  readonly from: number;
  readonly to: number;
}

/**
 * Changes whose date begins as a calendar writes it, and that are meant to happen within a time: from the hour that they
 * name, else from midnight, to the end of that day on the lab's clock. Rejected ones are not.
 */
export async function changesBetween(
  store: StoreReader,
  principal: Principal,
  zoneName: string,
  interval: { readonly from: number; readonly to: number },
): Promise<DatedChange[]> {
  const zone = new Zone(zoneName);
  const found: DatedChange[] = [];
  for await (const record of changesOf(store)) {
    if (record.status === 'rejected' || !maySee(principal, record.content)) continue;
    const time = timeOf(record.content.date, zone);
    if (time !== undefined && time.from < interval.to && time.to > interval.from) found.push({ record, ...time });
  }
  return found;
}

function timeOf(text: string, zone: Zone): { from: number; to: number } | undefined {
  const [, day = '', hour = '00:00'] = DATE.exec(text) ?? [];
  const [midnight, begin] = [Date.parse(`${day}T00:00:00Z`), Date.parse(`${day}T${hour.padStart(5, '0')}:00Z`)];
  if (Number.isNaN(midnight) || Number.isNaN(begin) || new Date(midnight).toISOString().slice(0, 10) !== day)
    return undefined;
  return {
    from: zone.instantNear(begin / 1000) * 1000,
    to: zone.instantNear(midnight / 1000 + DAY_SECONDS) * 1000,
  };
}
