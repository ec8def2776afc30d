import { useNavigate } from '@tanstack/react-router';
import { useDeferredValue, useMemo, useState } from 'react';
import { useInventory } from '../../api/queries.ts';
import type { Guest } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Table } from '../../parts/table.tsx';
import { useEnvironment } from '../environment.tsx';
import { useMayPropose } from '../use_rights.ts';
import { guestColumns } from './guest_columns.tsx';
import { filterGuests, stateOf, targetOf, type GuestFilter } from './guest_filter.ts';

const ALL: GuestFilter = { search: '', state: '', node: '' };

/** Every guest of the chosen environment, with search. */
export function Guests() {
  const environment = useEnvironment();
  const query = useInventory(environment);
  const [filter, setFilter] = useState(ALL);
  const wanted = useDeferredValue(filter);
  const guests = useMemo(() => query.data?.guests ?? [], [query.data]);
  const found = useMemo(() => filterGuests(guests, wanted), [guests, wanted]);
  const navigate = useNavigate();
  const disabledBecause = useMayPropose();
  const columns = useMemo(() => {
    const propose = (guest: Guest) =>
      void navigate({ to: '/', search: (old) => ({ ...old, propose: targetOf(guest) }) });
    return guestColumns(disabledBecause === undefined ? propose : undefined);
  }, [navigate, disabledBecause]);

  if (environment === undefined) {
    return (
      <Section id="guests" title="Guests">
        <Empty>Guests are shown when an environment is configured.</Empty>
      </Section>
    );
  }
  return (
    <Section
      id="guests"
      title="Guests"
      aside={<Filters guests={guests} filter={filter} onChange={setFilter} found={found.length} />}
    >
      <Loaded query={query} what={`the guests of ${environment}`}>
        {() => {
          if (guests.length === 0)
            return <Empty>{environment} has no guests yet. Propose a change to make the first one.</Empty>;
          if (found.length === 0) {
            return (
              <div className="flex flex-wrap items-center gap-3">
                <Empty>No guest matches.</Empty>
                <Button onClick={() => setFilter(ALL)}>Show all</Button>
              </div>
            );
          }
          return (
            <Panel>
              <Table caption={`Guests of ${environment}`} columns={columns} rows={found} id={({ id }) => id} />
            </Panel>
          );
        }}
      </Loaded>
    </Section>
  );
}

interface FiltersProps {
  readonly guests: readonly Guest[];
  readonly filter: GuestFilter;
  readonly onChange: (filter: GuestFilter) => void;
  readonly found: number;
}

function Filters({ guests, filter, onChange, found }: FiltersProps) {
  const states = [...new Set(guests.map(stateOf))].toSorted();
  const nodes = [...new Set(guests.map(({ node }) => node))].toSorted();
  return (
    <div
      role="search"
      aria-label="Guests"
      className="flex min-w-0 flex-1 basis-full flex-wrap items-center gap-2 sm:basis-0"
    >
      <input
        type="search"
        aria-label="Search guests by name, number, node, tag or pool"
        aria-keyshortcuts="/"
        placeholder="Name, number, node, tag  ( / )"
        value={filter.search}
        onChange={(event) => onChange({ ...filter, search: event.target.value })}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onChange({ ...filter, search: '' });
        }}
        className="min-w-0 flex-1 basis-full sm:max-w-72 sm:basis-44"
      />
      <select
        aria-label="State"
        value={filter.state}
        onChange={(event) => onChange({ ...filter, state: event.target.value })}
      >
        <option value="">All states</option>
        {states.map((state) => (
          <option key={state}>{state}</option>
        ))}
      </select>
      <select
        aria-label="Node"
        value={filter.node}
        onChange={(event) => onChange({ ...filter, node: event.target.value })}
      >
        <option value="">All nodes</option>
        {nodes.map((node) => (
          <option key={node}>{node}</option>
        ))}
      </select>
      <span role="status" className="text-dim tabular-nums">
        {found === guests.length ? guests.length : `${found} of ${guests.length}`}
      </span>
    </div>
  );
}
