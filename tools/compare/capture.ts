import { isAgentError } from '../../src/kernel/errors.ts';
import { list, record, type PveApi } from '../../src/proxmox/index.ts';

const CLUSTER = [
  '/version',
  '/cluster/status',
  '/cluster/resources',
  '/cluster/options',
  '/nodes',
  '/storage',
  '/pools',
  '/access/users',
  '/access/groups',
  '/access/roles',
  '/access/acl',
  '/access/domains',
];
const NODE = ['status', 'network', 'storage', 'qemu', 'lxc'];
const GUEST = ['config', 'status/current', 'pending', 'snapshot'];

/** A whole cluster in the form that the simulator is seeded from; what the token may not read is left out. */
export async function captureLive(api: PveApi): Promise<Record<string, unknown>> {
  const capture: Record<string, unknown> = {};
  const read = async (path: string): Promise<void> => {
    try {
      capture[`GET ${path}`] = await api.get(path);
    } catch (error) {
      if (!isAgentError(error, 'PVE_REJECTED')) throw error;
    }
  };
  await Promise.all(CLUSTER.map(read));
  const users = list(capture['GET /access/users']).map((row) => String(record(row)['userid']));
  await Promise.all(users.map((user) => read(`/access/users/${user}/token`)));
  const nodes = list(capture['GET /nodes'])
    .map((row) => record(row))
    .filter((row) => row['status'] === 'online')
    .map((row) => String(row['node']));
  await Promise.all(nodes.flatMap((node) => NODE.map((what) => read(`/nodes/${node}/${what}`))));
  for (const node of nodes) {
    const guests = list(capture[`GET /nodes/${node}/qemu`]).map((row) => String(record(row)['vmid']));
    await Promise.all(guests.flatMap((vmid) => GUEST.map((what) => read(`/nodes/${node}/qemu/${vmid}/${what}`))));
    const storages = list(capture[`GET /nodes/${node}/storage`])
      .map((row) => record(row))
      .filter((row) => Number(row['active']) === 1);
    await Promise.all(storages.map((row) => read(`/nodes/${node}/storage/${String(row['storage'])}/content`)));
  }
  return capture;
}
