import type { Call, Routes } from '../core/call.ts';
import { sha1 } from '../state/guests.ts';
import type { NodeState } from '../state/types.ts';

/** The version of the interface that joining machines talk to. */
const API_VERSION = 1;

const ring = ({ ip }: NodeState): Record<string, unknown> => ({ ring0_addr: ip, quorum_votes: '1' });

function nodes({ world }: Call): unknown[] {
  return Object.values(world.state.nodes).map((node) => ({
    name: node.name,
    node: node.name,
    nodeid: String(node.id),
    ...ring(node),
  }));
}

/** What corosync.conf says; all values are texts. */
const totem = ({ world }: Call): Record<string, unknown> => ({
  cluster_name: world.state.clusterName,
  config_version: String(Object.keys(world.state.nodes).length),
  interface: { '0': { linknumber: '0' } },
  ip_version: 'ipv4-6',
  link_mode: 'passive',
  secauth: 'on',
  version: '2',
});

function join(call: Call): unknown {
  const { state } = call.world;
  const list = Object.values(state.nodes).map((node) => ({
    name: node.name,
    nodeid: String(node.id),
    pve_addr: node.ip,
    pve_fp: node.fingerprint ?? '',
    ...ring(node),
  }));
  return {
    config_digest: sha1(JSON.stringify(list)),
    nodelist: list,
    preferred_node: call.params.maybe('node') ?? state.localNode,
    totem: totem(call),
  };
}

export const configRoutes: Routes = {
  'GET /cluster/config/nodes': nodes,
  'GET /cluster/config/totem': totem,
  'GET /cluster/config/join': join,
  'GET /cluster/config/apiversion': () => API_VERSION,
  'GET /cluster/config/qdevice': () => ({}),
};
