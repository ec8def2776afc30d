import { useNodes } from '../../api/queries.ts';
import type { PveNode } from '../../api/types.ts';
import { Usage } from '../../parts/bar.tsx';
import { Chip } from '../../parts/chip.tsx';
import { bytes, duration } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Table, type Column } from '../../parts/table.tsx';
import { useEnvironment } from '../environment.tsx';

const isOnline = ({ status }: PveNode): boolean => status === 'online';

const COLUMNS: readonly Column<PveNode>[] = [
  {
    label: 'Node',
    bare: true,
    heads: true,
    by: ({ node }) => node,
    cell: (node) => (
      <span>
        <span className="font-mono">{node.node}</span> {!isOnline(node) && <Chip tone="bad">{node.status}</Chip>}
      </span>
    ),
  },
  { label: 'CPU', by: ({ cpu }) => cpu ?? 0, cell: (node) => <Load node={node} /> },
  {
    label: 'Memory',
    by: ({ mem, maxmem }) => (mem ?? 0) / (maxmem ?? 1),
    cell: ({ mem, maxmem, node }) =>
      mem !== undefined && maxmem ? (
        <Usage share={mem / maxmem} label={`Memory of ${node}`} detail={`of ${bytes(maxmem)}`} />
      ) : null,
  },
  {
    label: 'Up for',
    num: true,
    by: ({ uptime }) => uptime ?? 0,
    cell: (node) => (isOnline(node) && node.uptime !== undefined ? duration(node.uptime) : null),
  },
];

const Load = ({ node: { cpu, maxcpu, node } }: { node: PveNode }) =>
  cpu === undefined || maxcpu === undefined ? null : (
    <Usage share={cpu} label={`CPU of ${node}`} detail={`of ${maxcpu}`} />
  );

/** The nodes of the chosen environment. */
export function Nodes() {
  const environment = useEnvironment();
  const query = useNodes(environment);
  const nodes = query.data?.nodes ?? [];
  const online = nodes.filter(isOnline).length;
  return (
    <Section
      id="nodes"
      title="Nodes"
      aside={
        nodes.length > 0 && (
          <span className={online === nodes.length ? 'text-dim' : 'text-bad'}>
            {online} of {nodes.length} online
          </span>
        )
      }
    >
      {environment === undefined ? (
        <Empty>Nodes are shown when an environment is configured.</Empty>
      ) : (
        <Loaded query={query} what={`the nodes of ${environment}`}>
          {() =>
            nodes.length === 0 ? (
              <Empty>{environment} has no nodes that this server may see.</Empty>
            ) : (
              <Panel>
                <Table
                  caption={`Nodes of ${environment}`}
                  columns={COLUMNS}
                  rows={nodes.toSorted((a, b) => a.node.localeCompare(b.node, 'en', { numeric: true }))}
                  id={({ node }) => node}
                />
              </Panel>
            )
          }
        </Loaded>
      )}
    </Section>
  );
}
