import { splitList } from '../schema/formats.ts';
import { textOf } from '../core/text.ts';
import type { Capture, Row } from './capture.ts';
import { mappingFile, mappingText } from '../cluster/mapping-file.ts';
import type { AclEntry, Mapping, State, User } from './types.ts';

/** Users, rights, pools, options, backup jobs and HA resources: everything that is neither node, storage nor guest. */
export function addClusterObjects(state: State, capture: Capture): void {
  addUsers(state, capture);
  addPools(state, capture);
  addOptions(state, capture);
  addRealms(state, capture);
  addMappings(state, capture);
  for (const { id, type: _type, ...job } of capture.rows('/cluster/backup')) state.backupJobs.set(textOf(id), job);
  for (const { sid, type: _type, digest: _digest, ...resource } of capture.rows('/cluster/ha/resources'))
    state.haResources.set(textOf(sid), resource);
  for (const node of Object.keys(state.nodes)) addTasks(state, capture.rows(`/nodes/${node}/tasks`));
  state.tasks.sort((a, b) => a.starttime - b.starttime || a.pstart - b.pstart);
  addLog(state, capture.rows('/cluster/log'));
}

function addUsers(state: State, capture: Capture): void {
  for (const { 'realm-type': _realm, groups: _groups, tokens: _tokens, ...row } of capture.rows('/access/users')) {
    const user = { ...row, enable: Number(row.enable ?? 1), expire: Number(row.expire ?? 0) } as User;
    user.passwordUnknown = true;
    state.users.set(user.userid, user);
    for (const token of capture.rows(`/access/users/${user.userid}/token`)) {
      const tokenid = textOf(token.tokenid);
      const comment = token.comment === undefined ? {} : { comment: textOf(token.comment) };
      state.tokens.set(`${user.userid}!${tokenid}`, {
        userid: user.userid,
        tokenid,
        privsep: Number(token.privsep ?? 1),
        expire: Number(token.expire ?? 0),
        ...comment,
      });
    }
  }
  for (const { groupid, comment, users } of capture.rows('/access/groups')) {
    state.groups.set(textOf(groupid), {
      groupid: textOf(groupid),
      users: splitList(textOf(users)),
      ...(comment === undefined ? {} : { comment: textOf(comment) }),
    });
  }
  const roles = capture.rows('/access/roles');
  if (roles.length > 0) state.roles.clear();
  for (const { roleid, privs, special } of roles) {
    state.roles.set(textOf(roleid), {
      roleid: textOf(roleid),
      privs: splitList(textOf(privs)),
      special: Number(special ?? 0),
    });
  }
  state.acl = capture
    .rows('/access/acl')
    .map((row) => ({ ...row, propagate: Number(row.propagate ?? 1) })) as unknown as AclEntry[];
}

function addPools(state: State, capture: Capture): void {
  for (const { poolid, comment } of capture.rows('/pools')) {
    const id = textOf(poolid);
    state.pools.set(id, {
      poolid: id,
      vms: [],
      storages: [],
      ...(comment === undefined ? {} : { comment: textOf(comment) }),
    });
    for (const member of (capture.row(`/pools/${id}`).members ?? []) as Row[]) addMember(state, id, member);
  }
  // The resource list names the pool of a guest; it is all that a twin may have read.
  for (const row of capture.rows('/cluster/resources')) {
    const pool = textOf(row.pool);
    if (pool === '' || row.vmid === undefined) continue;
    if (!state.pools.has(pool)) state.pools.set(pool, { poolid: pool, vms: [], storages: [] });
    addMember(state, pool, row);
  }
}

function addMember(state: State, poolid: string, row: Row): void {
  const pool = state.pools.get(poolid);
  if (pool === undefined) return;
  if (row.vmid !== undefined && !pool.vms.includes(Number(row.vmid))) pool.vms.push(Number(row.vmid));
  if (row.type === 'storage' && !pool.storages.includes(textOf(row.storage))) pool.storages.push(textOf(row.storage));
}

/** The list of realms tells little; one that was read by itself tells all. */
function addRealms(state: State, capture: Capture): void {
  const rows = capture.rows('/access/domains');
  if (rows.length > 0) state.realms.clear();
  for (const { realm, ...row } of rows) {
    const { digest: _digest, ...details } = capture.row(`/access/domains/${textOf(realm)}`);
    state.realms.set(textOf(realm), { ...row, ...details });
  }
}

const MAPPING_TYPES = ['pci', 'usb', 'dir'] as const;

function addMappings(state: State, capture: Capture): void {
  for (const type of MAPPING_TYPES) {
    const rows = capture.rows(`/cluster/mapping/${type}`);
    for (const { id, map, type: _type, digest: _digest, checks: _checks, ...options } of rows) {
      const entries = Array.isArray(map) ? map.map(textOf) : [];
      state.mappings.set(`${type}/${textOf(id)}`, { type, options: options as Mapping['options'], map: entries });
    }
    const digest = rows[0]?.digest;
    if (digest !== undefined)
      state.digests[mappingFile(type)] = { text: mappingText(state, type), digest: textOf(digest) };
  }
}

const DEFAULT_MAC_PREFIX = 'BC:24:11';

/** Options come back taken apart; here they stand as they are written. */
function addOptions(state: State, capture: Capture): void {
  for (const [key, value] of Object.entries(capture.row('/cluster/options'))) {
    if (key === 'allowed-tags' || value === '' || (key === 'mac_prefix' && value === DEFAULT_MAC_PREFIX)) continue;
    state.options[key] = written(value);
  }
}

function written(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(';');
  if (value !== null && typeof value === 'object')
    return Object.entries(value)
      .map(([name, part]) => `${name}=${written(part)}`)
      .join(',');
  return textOf(value);
}

function addTasks(state: State, rows: readonly Row[]): void {
  for (const row of rows) {
    const { upid, node, type, id, user, tokenid, pid, pstart, starttime, endtime, status } = row;
    if (endtime === undefined) continue;
    state.tasks.push({
      upid: textOf(upid),
      node: textOf(node),
      type: textOf(type),
      id: textOf(id),
      user: tokenid === undefined ? textOf(user) : `${textOf(user)}!${textOf(tokenid)}`,
      pid: Number(pid ?? 0),
      pstart: Number(pstart ?? 0),
      starttime: Number(starttime ?? 0),
      endtime: Number(endtime),
      exitstatus: textOf(status),
      warnings: 0,
      log: [],
    });
  }
}

/** The log lists its newest line first. */
function addLog(state: State, rows: readonly Row[]): void {
  for (const { uid, node, user, tag, pri, pid, time, msg } of rows.toReversed())
    state.clusterLog.push({
      uid: Number(uid),
      node: textOf(node),
      user: textOf(user),
      tag: textOf(tag),
      pri: Number(pri),
      pid: Number(pid),
      time: Number(time),
      msg: textOf(msg),
    });
}
