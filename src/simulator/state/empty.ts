import { builtInRoles } from '../access/built-in-roles.ts';
import type { NodeState, State } from './types.ts';

export const DEFAULT_VERSION = { release: '9.2', repoid: '14a22df3', version: '9.2.11' };

export const DOMAINS = [
  { realm: 'pam', type: 'pam', comment: 'Linux PAM standard authentication' },
  { realm: 'pve', type: 'pve', comment: 'Proxmox VE authentication server' },
];

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
    options: {},
    backupJobs: new Map(),
    haResources: new Map(),
    tasks: [],
    documents: { '/access/domains': DOMAINS },
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
  nextPid: 1_200,
});
