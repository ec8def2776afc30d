import type { Guest } from '../../api/types.ts';
import { Usage } from '../../parts/bar.tsx';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { bytes, count, duration, tagsOf } from '../../parts/format.ts';
import type { Column } from '../../parts/table.tsx';
import { stateOf, targetOf } from './guest_filter.ts';

const State = ({ guest }: { guest: Guest }) => {
  const state = stateOf(guest);
  return (
    <span className="flex flex-wrap gap-1">
      <Chip tone={state === 'running' ? 'ok' : state === 'stopped' || state === 'template' ? 'none' : 'warn'}>
        {state}
      </Chip>
      {guest.lock !== undefined && guest.lock !== '' && (
        <Chip tone="warn" title="Proxmox VE holds a lock on it">
          lock: {guest.lock}
        </Chip>
      )}
    </span>
  );
};

const Tags = ({ guest }: { guest: Guest }) => {
  const tags = tagsOf(guest.tags);
  if (tags.length === 0) return null;
  return (
    <span className="flex flex-wrap gap-1 sm:min-w-32">
      {tags.map((tag) => (
        <Chip key={tag}>{tag}</Chip>
      ))}
    </span>
  );
};

const isRunning = ({ status }: Guest): boolean => status === 'running';

/** `onPropose` undefined: the caller may not, and the header says why. */
export const guestColumns = (onPropose: ((guest: Guest) => void) | undefined): Column<Guest>[] => [
  {
    label: 'Guest',
    bare: true,
    heads: true,
    by: ({ vmid }) => vmid,
    cell: (guest) => <span className="font-mono whitespace-nowrap">{targetOf(guest)}</span>,
  },
  {
    label: 'Name',
    bare: true,
    by: ({ name }) => name ?? '',
    cell: ({ name }) => <span className="font-medium break-all">{name}</span>,
  },
  { label: 'State', bare: true, by: stateOf, cell: (guest) => <State guest={guest} /> },
  { label: 'Node', bare: true, by: ({ node }) => node, cell: ({ node }) => <span className="font-mono">{node}</span> },
  { label: 'Tags', by: ({ tags }) => tags ?? '', cell: (guest) => <Tags guest={guest} /> },
  {
    label: 'CPU',
    by: (guest) => (isRunning(guest) ? (guest.cpu ?? 0) : -1),
    cell: (guest) => {
      if (guest.maxcpu === undefined) return null;
      if (!isRunning(guest)) return <span className="text-xs text-dim">{count(guest.maxcpu, 'core')}</span>;
      return <Usage share={guest.cpu ?? 0} label={`CPU of ${targetOf(guest)}`} detail={`of ${guest.maxcpu}`} />;
    },
  },
  {
    label: 'Memory',
    by: ({ maxmem }) => maxmem ?? 0,
    cell: (guest) => {
      if (!guest.maxmem) return null;
      if (!isRunning(guest)) return <span className="text-xs text-dim">{bytes(guest.maxmem)}</span>;
      return (
        <Usage
          share={(guest.mem ?? 0) / guest.maxmem}
          label={`Memory of ${targetOf(guest)}`}
          detail={`of ${bytes(guest.maxmem)}`}
        />
      );
    },
  },
  {
    label: 'Up for',
    num: true,
    by: (guest) => (isRunning(guest) ? (guest.uptime ?? 0) : -1),
    cell: (guest) =>
      isRunning(guest) && guest.uptime ? <span className="whitespace-nowrap">{duration(guest.uptime)}</span> : null,
  },
  ...(onPropose === undefined
    ? []
    : [
        {
          label: 'Change',
          bare: true,
          cell: (guest: Guest) => (
            <Button look="quiet" onClick={() => onPropose(guest)} label={`Propose a change to ${targetOf(guest)}`}>
              Propose…
            </Button>
          ),
        },
      ]),
];
