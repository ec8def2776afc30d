import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import { getPlan, waitingSchedules } from '../store/index.ts';
import type { ChangesDeps } from './changes.ts';
import { freezeOf } from './freeze.ts';
import { bodyOf, scheduleView } from './plan.ts';
import { changesBetween, type DatedChange } from './records/index.ts';
import { mayUse, requireRole, type Principal } from '../identity/index.ts';

const DAY_MS = 86_400_000;
const USUAL_MS = 42 * DAY_MS;
const MOST_MS = 92 * DAY_MS;
/** Of one environment; a window of every minute fills no page with itself. */
const MOST_ENTRIES = 500;

const time = z.iso.datetime({ offset: true, error: 'must be a time such as 2026-12-24T00:00:00Z' });
export const calendarQuerySchema = z.strictObject({
  environment: z.string().optional().describe('Only this environment; all that the caller may see when left out.'),
  from: time.optional().describe('Now when left out.'),
  to: time.optional().describe('Six weeks after `from` when left out; at most 92 days after it.'),
});

export interface CalendarEntry {
  readonly kind: 'window' | 'blackout' | 'plan' | 'freeze' | 'change';
  readonly environment: string;
  readonly name: string;
  readonly from: string;
  /** Null for a freeze without an end. */
  readonly to: string | null;
  readonly [more: string]: unknown;
}

/** What is planned for environments, by its begin; days of changes are those of `zone`, the lab's. Errors: `NOT_FOUND`, `FORBIDDEN`, `VALIDATION_FAILED`. */
export async function calendarOf(
  deps: ChangesDeps,
  query: z.output<typeof calendarQuerySchema>,
  principal: Principal,
  zone: string,
): Promise<{ from: string; to: string; entries: CalendarEntry[] }> {
  const from = query.from === undefined ? deps.clock.now() : Date.parse(query.from);
  const to = query.to === undefined ? from + USUAL_MS : Date.parse(query.to);
  if (to <= from || to - from > MOST_MS)
    throw new AgentError('VALIDATION_FAILED', 'The request is not valid.', {
      errors: { to: 'must be after from, and at most 92 days after it' },
    });
  const names = deps.estate.list().map(({ name }) => name);
  if (query.environment !== undefined) {
    requireRole(principal, 'viewer', query.environment);
    deps.estate.get(query.environment);
  }
  const wanted = names.filter((name) => mayUse(principal, name) && (query.environment ?? name) === name);
  const dated = await changesBetween(deps.store, principal, zone, { from, to });
  const each = wanted.map(async (name) => [
    ...(await entriesOf(deps, name, { from, to })),
    ...dated.filter(({ record }) => touches(record, name)).map((one) => changeEntry(one, name)),
  ]);
  const entries = (await Promise.all(each)).flat();
  return {
    from: iso(from),
    to: iso(to),
    entries: entries.toSorted((a, b) => Date.parse(a.from) - Date.parse(b.from)),
  };
}

const touches = ({ content: { environments } }: DatedChange['record'], name: string): boolean =>
  environments.length === 0 || environments.includes(name);

const changeEntry = ({ record: { id, status, category, content }, from, to }: DatedChange, environment: string) => ({
  kind: 'change' as const,
  environment,
  name: content.title,
  from: iso(from),
  to: iso(to),
  change_id: id,
  status,
  category,
});

async function entriesOf(
  deps: ChangesDeps,
  environment: string,
  interval: { readonly from: number; readonly to: number },
): Promise<CalendarEntry[]> {
  const planned = deps.windows.between?.(environment, interval, MOST_ENTRIES) ?? [];
  const times = planned.map(({ from, to, ...one }) => ({ ...one, environment, from: iso(from), to: iso(to) }));
  const schedules = await waitingSchedules(deps.store, environment, interval);
  const plans = await Promise.all(
    schedules.map(async (schedule): Promise<CalendarEntry> => {
      const { requests } = bodyOf(await getPlan(deps.store, schedule.plan_id));
      const name = requests.map(({ action, target }) => `${action} ${target}`).join(', ');
      const { plan_id, at, until } = schedule;
      return {
        kind: 'plan',
        environment,
        name,
        from: iso(at),
        to: iso(until),
        plan_id,
        schedule: scheduleView(schedule),
      };
    }),
  );
  const frozen = await freezeOf(deps.store, environment, deps.clock.now());
  const held = frozen !== undefined && frozen.at < interval.to && (frozen.until ?? Infinity) > interval.from;
  if (!held) return [...times, ...plans];
  const { reason, by, at, until } = frozen;
  const freeze: CalendarEntry = {
    kind: 'freeze',
    environment,
    name: reason,
    from: iso(at),
    to: until === undefined ? null : iso(until),
    by,
  };
  return [freeze, ...times, ...plans];
}

const iso = (ms: number): string => new Date(ms).toISOString();
