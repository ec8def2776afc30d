import { useEnvironments } from '../../api/queries.ts';
import type { Environment } from '../../api/types.ts';
import { Chip } from '../../parts/chip.tsx';
import { count, moment } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { FreezeButton } from './freeze.tsx';

/** The environments, and why one cannot be reached. */
export function Environments() {
  const query = useEnvironments();
  return (
    <Section id="environments" title="Environments">
      <Loaded query={query} what="the environments">
        {({ environments }) =>
          environments.length === 0 ? (
            <Empty>No environment is configured. Name one in proxmox-agent.yaml and start the server again.</Empty>
          ) : (
            <Panel>
              <ul className="divide-y divide-line">
                {environments.map((environment) => (
                  <Row key={environment.name} environment={environment} />
                ))}
              </ul>
            </Panel>
          )
        }
      </Loaded>
    </Section>
  );
}

function Row({ environment }: { environment: Environment }) {
  const {
    name,
    production,
    endpoint,
    status,
    detail,
    nodes,
    nodes_online = nodes,
    guests,
    version,
    frozen,
  } = environment;
  const reached = status === 'ok';
  const sizes = [
    nodes === undefined ? '' : `${nodes_online} of ${count(nodes, 'node')} online`,
    guests === undefined ? '' : count(guests, 'guest'),
    version === undefined ? '' : `PVE ${version}`,
  ].filter((text) => text !== '');
  return (
    <li className="flex items-start gap-2 px-3 py-2">
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <strong className="font-semibold">{name}</strong>
          <Chip tone={reached ? 'ok' : 'bad'}>{reached ? 'reachable' : 'unreachable'}</Chip>
          {production && <Chip>production</Chip>}
          {frozen && <Chip tone="bad">frozen</Chip>}
          <span className="text-dim">{sizes.join(' · ')}</span>
        </div>
        <div className="font-mono text-xs break-all text-dim">
          {typeof endpoint === 'string' ? endpoint : endpoint.join(', ')}
        </div>
        {frozen && (
          <p className="mt-1">
            Nothing is applied{frozen.until === undefined ? '' : ` until ${moment(frozen.until)}`}: {frozen.reason}
          </p>
        )}
        {!reached && <p className="mt-1 text-bad">{detail ?? 'The server gave no reason.'}</p>}
      </div>
      <FreezeButton environment={environment} />
    </li>
  );
}
