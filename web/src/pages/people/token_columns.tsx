import type { Token } from '../../api/people_types.ts';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { toMs } from '../../parts/format.ts';
import type { Column } from '../../parts/table.tsx';
import { Ago } from '../../parts/time.tsx';
import { isOver } from './may.ts';

/** `now` in milliseconds; `onRevoke` begins to ask. */
export const tokenColumns = (now: number, onRevoke: (token: Token) => void): readonly Column<Token>[] => [
  {
    label: 'Name',
    heads: true,
    bare: true,
    by: ({ name }) => name,
    cell: ({ name }) => <strong className="font-semibold break-words">{name}</strong>,
  },
  {
    label: 'Class',
    by: (token) => token.class,
    cell: (token) => <Chip tone={token.class === 'agent' ? 'warn' : 'none'}>{token.class}</Chip>,
  },
  { label: 'Role', by: ({ role }) => role, cell: ({ role }) => role },
  { label: 'Environments', cell: ({ environments }) => environments?.join(', ') ?? 'all' },
  {
    label: 'Actions',
    cell: ({ actions }) =>
      actions === undefined ? 'all' : <span className="font-mono text-xs break-all">{actions.join(', ')}</span>,
  },
  { label: 'Whose', by: ({ person }) => person ?? '', cell: ({ person }) => person ?? <Dim>nobody’s</Dim> },
  {
    label: 'Last use',
    by: ({ last_used_at }) => toMs(last_used_at) ?? 0,
    cell: ({ last_used_at }) => (last_used_at === null ? <Dim>never</Dim> : <Ago at={last_used_at} />),
  },
  {
    label: 'Ends',
    by: ({ expires_at }) => toMs(expires_at) ?? Infinity,
    cell: (token) => <End token={token} now={now} />,
  },
  {
    label: 'Revoke',
    bare: true,
    cell: (token) =>
      isOver(token, now) ? null : (
        <Button look="quiet" label={`Revoke the token ${token.name}`} onClick={() => onRevoke(token)}>
          Revoke…
        </Button>
      ),
  },
];

const Dim = ({ children }: { children: string }) => <span className="text-dim">{children}</span>;

function End({ token: { revoked_at, expires_at }, now }: { token: Token; now: number }) {
  if (revoked_at !== null)
    return (
      <span className="text-bad">
        revoked <Ago at={revoked_at} />
      </span>
    );
  if (expires_at === null) return <Dim>never</Dim>;
  return (toMs(expires_at) ?? 0) <= now ? (
    <span className="text-bad">
      expired <Ago at={expires_at} />
    </span>
  ) : (
    <Ago at={expires_at} />
  );
}
