import type { Principal } from '../core/call.ts';
import type { State } from '../state/types.ts';

/** Privilege to 1 when it also holds below the path, 0 when only there. */
export type Privileges = Map<string, number>;

const NONE: Privileges = new Map();

/** `/`, `/vms`, `/vms/100` for `/vms/100`. */
export function prefixes(path: string): string[] {
  const out = ['/'];
  let at = '';
  for (const part of path.split('/').filter(Boolean)) out.push((at += `/${part}`));
  return out;
}

/** What the entries of the ACL give one subject at a path: the nearest level counts, a user's own over the groups'. */
function rolesAt(state: State, subject: string, kind: 'user' | 'token', path: string): Map<string, number> {
  const groups = new Set(
    kind === 'user'
      ? [...state.groups.values()].filter(({ users }) => users.includes(subject)).map(({ groupid }) => groupid)
      : [],
  );
  let roles = new Map<string, number>();
  for (const level of prefixes(path)) {
    const own = new Map<string, number>();
    const shared = new Map<string, number>();
    for (const entry of state.acl) {
      if (entry.path !== level || (entry.propagate === 0 && level !== path)) continue;
      if (entry.type === kind && entry.ugid === subject) own.set(entry.roleid, entry.propagate);
      else if (entry.type === 'group' && groups.has(entry.ugid)) shared.set(entry.roleid, entry.propagate);
    }
    if (own.size > 0) roles = own;
    else if (shared.size > 0) roles = shared;
  }
  return roles;
}

function privilegesOf(state: State, roles: ReadonlyMap<string, number>): Privileges {
  if (roles.has('NoAccess')) return NONE;
  const out: Privileges = new Map();
  for (const [roleid, propagate] of roles) {
    for (const priv of state.roles.get(roleid)?.privs ?? []) out.set(priv, Math.max(out.get(priv) ?? 0, propagate));
  }
  return out;
}

/** A guest or storage in a pool also has the rights given on the pool. */
function poolOf(state: State, path: string): string | undefined {
  const [, kind, id] = /^\/(vms|storage)\/([^/]+)$/.exec(path) ?? [];
  if (id === undefined) return undefined;
  for (const pool of state.pools.values()) {
    if (kind === 'vms' ? pool.vms.includes(Number(id)) : pool.storages.includes(id)) return pool.poolid;
  }
  return undefined;
}

function subjectPrivileges(state: State, subject: string, kind: 'user' | 'token', path: string): Privileges {
  const own = privilegesOf(state, rolesAt(state, subject, kind, path));
  const pool = poolOf(state, path);
  if (pool === undefined) return own;
  const merged = new Map(own);
  // Rights from the pool do not reach below the guest, so they count as not propagated.
  for (const priv of privilegesOf(state, rolesAt(state, subject, kind, `/pool/${pool}`)).keys()) {
    if (!merged.has(priv)) merged.set(priv, 0);
  }
  return merged;
}

/** Everything that someone may do at a path. A token with privsep has what both it and its owner have (FACTS 17). */
export function privilegesAt(state: State, principal: Principal, path: string): Privileges {
  const { user, token } = principal;
  if (user !== 'root@pam' && state.users.get(user)?.enable === 0) return NONE;
  const all = (): Privileges => new Map((state.roles.get('Administrator')?.privs ?? []).map((priv) => [priv, 1]));
  const owner = user === 'root@pam' ? all() : subjectPrivileges(state, user, 'user', path);
  if (token === undefined) return owner;
  const known = state.tokens.get(`${user}!${token}`);
  if (known === undefined) return NONE;
  if (known.privsep === 0) return owner;
  const own = subjectPrivileges(state, `${user}!${token}`, 'token', path);
  return new Map([...own].filter(([priv]) => owner.has(priv)));
}
