import type { Principal } from '../core/call.ts';
import type { AclEntry, State } from '../state/types.ts';

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

/**
 * Who may do what, worked out once for as long as users, roles, pools and the ACL stay as they are: for one call that
 * changes nothing. A list of ten thousand guests asks as many times.
 */
export class Rights {
  readonly #state: State;
  readonly #entries = new Map<string, AclEntry[]>();
  readonly #groups = new Map<string, Set<string>>();
  readonly #privileges = new Map<string, Privileges>();
  #pools: { readonly vms: Map<number, string>; readonly storages: Map<string, string> } | undefined;

  constructor(state: State) {
    this.#state = state;
    for (const entry of state.acl) {
      const entries = this.#entries.get(entry.path);
      if (entries === undefined) this.#entries.set(entry.path, [entry]);
      else entries.push(entry);
    }
  }

  /** Everything that someone may do at a path. A token with privsep has what both it and its owner have (FACTS 17). */
  at(principal: Principal, path: string): Privileges {
    if (path === '/' || this.#entries.has(path)) return this.#compute(principal, path);
    // Without entries of its own a path has what its neighbours in the same pool have.
    const parent = path.slice(0, path.lastIndexOf('/'));
    const key = `${principal.name} ${parent} ${this.#poolOf(path) ?? ''}`;
    return this.#cached(key, () => this.#compute(principal, path));
  }

  #compute({ user, token }: Principal, path: string): Privileges {
    const state = this.#state;
    if (user !== 'root@pam' && state.users.get(user)?.enable === 0) return NONE;
    const owner = user === 'root@pam' ? this.#everything() : this.#of(user, 'user', path);
    if (token === undefined) return owner;
    const known = state.tokens.get(`${user}!${token}`);
    if (known === undefined) return NONE;
    if (known.privsep === 0) return owner;
    const both: Privileges = new Map();
    for (const [priv, propagate] of this.#of(`${user}!${token}`, 'token', path)) {
      const own = owner.get(priv);
      if (own !== undefined) both.set(priv, Math.min(own, propagate));
    }
    return both;
  }

  #everything(): Privileges {
    return this.#cached(
      '*',
      () => new Map((this.#state.roles.get('Administrator')?.privs ?? []).map((priv) => [priv, 1] as const)),
    );
  }

  #cached(key: string, make: () => Privileges): Privileges {
    let found = this.#privileges.get(key);
    if (found === undefined) this.#privileges.set(key, (found = make()));
    return found;
  }

  /** The same roles give the same privileges, wherever they hold. */
  #of(subject: string, kind: 'user' | 'token', path: string): Privileges {
    const own = this.#roles(subject, kind, path);
    const pool = this.#poolOf(path);
    if (pool === undefined) return this.#cached(keyOf(own), () => this.#privilegesOf(own));
    const shared = this.#roles(subject, kind, `/pool/${pool}`);
    return this.#cached(`${keyOf(own)} ${keyOf(shared)}`, () => {
      // No access is no access; a pool's goes over what the guest itself gives, and nothing of it reaches further down.
      if (own.has('NoAccess') || shared.has('NoAccess')) return NONE;
      const roles = new Map(own);
      for (const roleid of shared.keys()) if (!roles.has(roleid)) roles.set(roleid, 0);
      return this.#privilegesOf(roles);
    });
  }

  #privilegesOf(roles: ReadonlyMap<string, number>): Privileges {
    if (roles.has('NoAccess')) return NONE;
    const out: Privileges = new Map();
    for (const [roleid, propagate] of roles) {
      for (const priv of this.#state.roles.get(roleid)?.privs ?? [])
        out.set(priv, Math.max(out.get(priv) ?? 0, propagate));
    }
    return out;
  }

  /** What the entries give one subject at a path: the nearest level counts, a user's own over the groups'. */
  #roles(subject: string, kind: 'user' | 'token', path: string): ReadonlyMap<string, number> {
    let roles: ReadonlyMap<string, number> = NO_ROLES;
    for (const level of prefixes(path)) {
      const entries = this.#entries.get(level);
      if (entries === undefined) continue;
      const own = new Map<string, number>();
      const shared = new Map<string, number>();
      for (const { propagate, type, ugid, roleid } of entries) {
        if (propagate === 0 && level !== path) continue;
        if (type === kind && ugid === subject) own.set(roleid, propagate);
        else if (type === 'group' && kind === 'user' && this.#groupsOf(subject).has(ugid))
          shared.set(roleid, propagate);
      }
      if (own.size > 0) roles = own;
      else if (shared.size > 0) roles = shared;
    }
    return roles;
  }

  #groupsOf(user: string): Set<string> {
    let groups = this.#groups.get(user);
    if (groups === undefined) {
      const member = [...this.#state.groups.values()].filter(({ users }) => users.includes(user));
      this.#groups.set(user, (groups = new Set(member.map(({ groupid }) => groupid))));
    }
    return groups;
  }

  /** A guest or storage in a pool also has the rights given on the pool. */
  #poolOf(path: string): string | undefined {
    const guest = path.startsWith('/vms/');
    if (!guest && !path.startsWith('/storage/')) return undefined;
    if (this.#pools === undefined) {
      this.#pools = { vms: new Map(), storages: new Map() };
      for (const { poolid, vms, storages } of this.#state.pools.values()) {
        for (const vmid of vms) this.#pools.vms.set(vmid, poolid);
        for (const storage of storages) this.#pools.storages.set(storage, poolid);
      }
    }
    return guest
      ? this.#pools.vms.get(Number(path.slice('/vms/'.length)))
      : this.#pools.storages.get(path.slice('/storage/'.length));
  }
}

const NO_ROLES: ReadonlyMap<string, number> = new Map();

const keyOf = (roles: ReadonlyMap<string, number>): string =>
  roles.size === 0 ? '' : [...roles].map(([roleid, propagate]) => `${roleid}=${propagate}`).join(',');

/** Everything that someone may do at a path, as things are now. */
export const privilegesAt = (state: State, principal: Principal, path: string): Privileges =>
  new Rights(state).at(principal, path);
