import { Link } from '@tanstack/react-router';
import { useCalendar } from '../../api/queries.ts';
import type { Calendar, CalendarEntry } from '../../api/types.ts';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { moment, nameOf, toMs, words } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Table, type Column } from '../../parts/table.tsx';
import { useEnvironment } from '../environment.tsx';
import { weeksOf } from './weeks.ts';

/** What is planned for the environment in the next six weeks, week by week, on the lab's clock. */
export function CalendarPage() {
  const environment = useEnvironment();
  const query = useCalendar(environment);
  return (
    <Section
      id="calendar"
      title="Calendar"
      aside={query.data !== undefined && <span className="text-dim">times in {query.data.time_zone}</span>}
    >
      <p className="mb-3 text-dim">
        Change windows, blackouts, changes, scheduled plans and freezes of {environment ?? 'the lab'} in the next six
        weeks.
      </p>
      <Loaded query={query} what="the calendar">
        {(calendar) => <Weeks calendar={calendar} />}
      </Loaded>
    </Section>
  );
}

function Weeks({ calendar: { entries, from, time_zone } }: { calendar: Calendar }) {
  if (entries.length === 0)
    return (
      <Empty>
        Nothing is planned: no change window opens in these weeks, no blackout holds and no plan is scheduled. Windows
        are configured under windows in proxmox-agent.yaml.
      </Empty>
    );
  const columns = columnsOf(time_zone);
  return (
    <div className="flex flex-col gap-5 sm:[&_table]:table-fixed">
      {weeksOf(entries, toMs(from) ?? 0, time_zone).map((week) => (
        <section key={week.monday} aria-label={`Week of ${monday(week.monday)}`}>
          <h3 className="mb-1 font-semibold">Week of {monday(week.monday)}</h3>
          <Panel>
            <Table
              caption={`Week of ${monday(week.monday)}`}
              columns={columns}
              rows={week.entries}
              id={({ kind, name, from: begin, plan_id, change_id }) =>
                plan_id ?? change_id ?? `${kind} ${name} ${begin}`
              }
            />
          </Panel>
        </section>
      ))}
    </div>
  );
}

const monday = (day: string): string =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'long', year: 'numeric' }).format(
    Date.parse(day),
  );

const KINDS: Readonly<Record<CalendarEntry['kind'], { readonly tone: Tone; readonly word: string }>> = {
  window: { tone: 'ok', word: 'window' },
  blackout: { tone: 'warn', word: 'blackout' },
  plan: { tone: 'accent', word: 'plan' },
  freeze: { tone: 'bad', word: 'freeze' },
  change: { tone: 'accent', word: 'change' },
};

const columnsOf = (zone: string): readonly Column<CalendarEntry>[] => [
  {
    label: 'From',
    heads: true,
    cell: ({ from }) => <span className="whitespace-nowrap tabular-nums">{moment(from, zone)}</span>,
  },
  {
    label: 'Until',
    cell: ({ to }) => (
      <span className="whitespace-nowrap tabular-nums">{to === null ? 'a person ends it' : moment(to, zone)}</span>
    ),
  },
  { label: 'What', cell: ({ kind }) => <Chip tone={KINDS[kind].tone}>{KINDS[kind].word}</Chip> },
  { label: 'Name', cell: (entry) => <Name entry={entry} /> },
];

function Name({
  entry: { name, plan_id, change_id, status, tiers, categories, blackouts = [], by },
}: {
  entry: CalendarEntry;
}) {
  const only = [
    tiers === undefined ? '' : `tier ${tiers.join(', ')}`,
    categories === undefined ? '' : `${categories.join(', ')} changes`,
  ].filter((text) => text !== '');
  if (plan_id !== undefined)
    return (
      <Link
        to="/"
        search={(old) => ({ ...old, plan: plan_id })}
        className="font-mono text-accent underline underline-offset-2"
      >
        {name}
      </Link>
    );
  if (change_id !== undefined)
    return (
      <span>
        <Link to="/changes" search={{ change: change_id }} className="text-accent underline underline-offset-2">
          <span className="font-mono">{change_id}</span> {name}
        </Link>
        {status !== undefined && <span className="text-dim">, {words(status)}</span>}
      </span>
    );
  return (
    <span>
      {name}
      {only.length > 0 && <span className="text-dim"> for {only.join('; ')}</span>}
      {blackouts.length > 0 && <span className="text-warn">, shut by the blackout {blackouts.join(', ')}</span>}
      {by !== undefined && <span className="text-dim"> by {nameOf(by)}</span>}
    </span>
  );
}
