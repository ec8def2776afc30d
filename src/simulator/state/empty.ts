import { emptyHa } from '../ha/types.ts';
import { builtInRoles } from '../access/built-in-roles.ts';
import type { NodeState, State } from './types.ts';

export const DEFAULT_VERSION = { release: '9.2', repoid: '14a22df3', version: '9.2.11' };

const REALMS = { pam: 'Linux PAM standard authentication', pve: 'Proxmox VE authentication server' };

/** A cluster without nodes: root@pam and the built-in roles. */
export function emptyState(): State {
  return {
    clusterName: '',
    localNode: '',
    version: DEFAULT_VERSION,
    nodes: {},
    guests: new Map(),
    storages: new Map(),
    volumes: new Map(),
    pools: new Map(),
    users: new Map([['root@pam', { userid: 'root@pam', enable: 1, expire: 0 }]]),
    tokens: new Map(),
    groups: new Map(),
    roles: new Map(builtInRoles().map((role) => [role.roleid, role])),
    acl: [],
    realms: new Map(Object.entries(REALMS).map(([type, comment]) => [type, { type, comment }])),
    tfa: new Map(),
    mappings: new Map(),
    clusterLog: [],
    options: {},
    backupJobs: new Map(),
    haResources: new Map(),
    ha: emptyHa(),
    firewall: new Map(),
    replication: new Map(),
    sdn: { applied: new Map(), staged: new Map() },
    sections: new Map(),
    tasks: [],
    documents: {},
    digests: {},
    partial: false,
    reads: new Set(),
  };
}

export const newNode = (name: string, id: number, now: number): NodeState => ({
  name,
  id,
  ip: '',
  online: true,
  since: now,
  maxcpu: 0,
  maxmem: 0,
  maxdisk: 0,
  space: {},
  pci: [],
  nextPid: 1_200,
});
