import { useAudit } from '../api/queries.ts';
import type { AuditRecord } from '../api/types.ts';
import { nameOf, oneLine } from '../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../parts/section.tsx';
import { Table, type Column } from '../parts/table.tsx';
import { Ago } from '../parts/time.tsx';

/** One on each line: a line that is broken within an id can be neither read nor copied. */
const About = ({ ids }: { ids: NonNullable<AuditRecord['ids']> }) => (
  <ul className="font-mono text-xs break-all text-dim">
    {Object.entries(ids).map(([key, value]) => (
      <li key={key}>
        {key.replace(/_id$/, '')} {oneLine(value)}
      </li>
    ))}
  </ul>
);

const COLUMNS: readonly Column<AuditRecord>[] = [
  { label: 'Number', num: true, heads: true, cell: ({ seq }) => <span className="tabular-nums">{seq}</span> },
  {
    label: 'When',
    cell: ({ at }) => (
      <span className="whitespace-nowrap">
        <Ago at={at} />
      </span>
    ),
  },
  {
    label: 'Event',
    cell: ({ event }) => (
      <span className="font-mono text-xs sm:whitespace-nowrap">
        {event ?? 'of an environment that you may not see'}
      </span>
    ),
  },
  {
    label: 'Who',
    cell: ({ actor }) => (actor === undefined ? null : <span title={oneLine(actor)}>{nameOf(actor)}</span>),
  },
  { label: 'Environment', cell: ({ environment }) => environment ?? null },
  { label: 'About', cell: ({ ids = {} }) => (Object.keys(ids).length === 0 ? null : <About ids={ids} />) },
  {
    label: 'Record',
    cell: (record) => (
      <details>
        <summary className="whitespace-nowrap text-accent">details</summary>
        <pre className="max-h-60 max-w-[80vw] overflow-auto rounded bg-sunken p-2 text-xs sm:max-w-md">
          {JSON.stringify({ decision: record.decision, payload: record.payload, hash: record.hash }, null, 2)}
        </pre>
      </details>
    ),
  },
];

/** The newest records of the audit chain. */
export function Audit() {
  const query = useAudit();
  return (
    <Section
      id="audit"
      title="Audit"
      aside={<span className="text-dim">the last 20 records; check an export with “proxmox-agent audit verify”</span>}
    >
      <Loaded query={query} what="the audit">
        {({ records }) =>
          records.length === 0 ? (
            <Empty>Nothing is recorded yet.</Empty>
          ) : (
            <Panel>
              <Table
                narrow="lines"
                caption="Audit records, newest first"
                columns={COLUMNS}
                rows={records.toSorted((a, b) => b.seq - a.seq)}
                id={({ seq }) => String(seq)}
              />
            </Panel>
          )
        }
      </Loaded>
    </Section>
  );
}
