import { isDirectory } from '../access/realm-type.ts';
import { nextTime, parseCalendar } from '../backup/calendar.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { sectionRoutes, type SectionKind } from '../core/sections.ts';
import { textOf } from '../core/text.ts';

const DEFAULT_ITERATIONS = 10;

const realmSync: SectionKind = {
  file: 'realm-sync',
  madeAt: 'item',
  taken: (id) => fail(`Job '${id}' already exists`),
  missing: (id) => parameterError({ id: `No such job '${id}'` }),
  check: ({ world }, values, old) => {
    if (old !== undefined) return;
    const realm = textOf(values.realm ?? '');
    if (realm === '') throw fail("missing value for required option 'realm'");
    const type = textOf(world.state.realms.get(realm)?.type ?? '');
    if (type === '') throw parameterError({ realm: `No such realm '${realm}'` });
    if (!isDirectory(type)) throw parameterError({ realm: 'Only LDAP/AD realms can be synced.' });
    values.enabled ??= 1;
  },
  listed: ({ world }, _id, { schedule }) => {
    const event = parseCalendar(textOf(schedule));
    const next = event === undefined ? undefined : nextTime(event, world.now());
    return next === undefined ? {} : { 'next-run': next };
  },
};

/** When a schedule would run next, so many times. */
function analyze({ params, world }: Call): unknown[] {
  const event = parseCalendar(params.text('schedule'));
  if (event === undefined) return [];
  const times: unknown[] = [];
  let at: number | undefined = params.maybeNumber('starttime') ?? world.seconds();
  for (let n = params.maybeNumber('iterations') ?? DEFAULT_ITERATIONS; n > 0; n--) {
    at = nextTime(event, at * 1000);
    if (at === undefined) break;
    times.push({ timestamp: at, utc: new Date(at * 1000).toUTCString() });
  }
  return times;
}

export const jobRoutes: Routes = {
  ...sectionRoutes(realmSync),
  'GET /cluster/jobs/schedule-analyze': analyze,
};
