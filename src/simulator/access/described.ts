import type { Call } from '../core/call.ts';
import { textOf } from '../core/text.ts';
import { demand, may } from './check.ts';

const onJobsGuest =
  (privilege: string) =>
  (call: Call): void =>
    demand(call, `/vms/${call.params.text('id').split('-')[0]}`, [privilege]);

/** A log is also for those who may look at the node. */
function readLog(call: Call): void {
  if (!may(call, `/nodes/${call.node}`, ['Sys.Audit'])) onJobsGuest('VM.Audit')(call);
}

const onNetwork =
  (...privileges: readonly string[]) =>
  (call: Call): void => {
    const vnet = call.params.text('vnet');
    const { staged, applied } = call.world.state.sdn;
    const row = staged.get(`vnet/${vnet}`) ?? applied.get(`vnet/${vnet}`);
    demand(call, `/sdn/zones/${textOf(row?.zone ?? '')}/${vnet}`, privileges, true);
  };

const JOB = String.raw`/cluster/replication(?:/\{id\})?$`;
const NETWORK = String.raw`/cluster/sdn/vnets/\{vnet\}`;

/**
 * Methods that by the schema are for everybody, and then look themselves at what the caller may do: PVE describes that in
 * words only. The first one that fits counts.
 */
const RULES: readonly (readonly [name: RegExp, check: (call: Call) => void])[] = [
  [new RegExp(String.raw`^GET /cluster/replication/\{id\}$|/replication/\{id\}/status$`), onJobsGuest('VM.Audit')],
  [/\/replication\/\{id\}\/log$/, readLog],
  [new RegExp(`^(?:POST|PUT|DELETE) ${JOB}|/schedule_now$`), onJobsGuest('VM.Replicate')],
  [new RegExp(`^GET ${NETWORK}(?:$|/firewall|/subnets/)`), onNetwork('SDN.Audit', 'SDN.Allocate')],
  [new RegExp(`^(?:POST|PUT|DELETE) ${NETWORK}(?:$|/firewall|/subnets)`), onNetwork('SDN.Allocate')],
];

/** Refuses what the description of the method does not allow to the caller; before anything else is looked at. */
export function demandDescribed(call: Call): void {
  const { method } = call;
  if (method.permissions?.user !== 'all') return;
  const name = `${method.method} ${method.path}`;
  RULES.find(([pattern]) => pattern.test(name))?.[1](call);
}
