import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { AclEntry, State } from '../state/types.ts';
import { demand, may, mayModifyAcl } from './check.ts';
import { prefixes, privilegesAt, Rights } from './permissions.ts';
import { noSuchToken } from './tokens.ts';
import { change } from './users.ts';

const NAME = String.raw`[A-Za-z0-9.\-_]+`;
/** Below /sdn: what has names of letters and digits only, and zones with their bridges and VLANs. */
const SDN = `sdn(?:/(?:controllers(?:/[A-Za-z0-9_-]+)?|(?:dns|fabrics|ipams|prefix-lists|route-maps)(?:/[A-Za-z0-9]+)?|zones(?:/${NAME}(?:/${NAME}(?:/[1-9][0-9]{0,3})?)?)?))?`;
const PATHS = new RegExp(
  `^/(?:access(?:/(?:groups|realm)(?:/${NAME})?)?|mapping(?:/${NAME}){0,2}|nodes(?:/${NAME})?|pool(?:/${NAME}){0,3}|${SDN}|storage(?:/${NAME})?|vms(?:/[1-9][0-9]{2,})?)?$`,
);

/** An entry on a path that PVE no longer knows can still be removed. */
function normalizePath(path: string, remove: boolean): string {
  const clean = `/${path.split('/').filter(Boolean).join('/')}`;
  if (!path.startsWith('/') || (!remove && !PATHS.test(clean)))
    throw parameterError({ path: `invalid ACL path '${path}'` });
  return clean;
}

/** All entries with Sys.Audit on /access, else those on paths whose permissions the caller may change. */
function list(call: Call): AclEntry[] {
  const audit = may(call, '/access', ['Sys.Audit']);
  return call.world.state.acl.filter(({ path }) => audit || mayModifyAcl(call, path));
}

/**
 * Who may change a path only because of what lies there, such as VM.Allocate on a guest, can hand out no more than what
 * they have themselves.
 */
function demandSuperset(call: Call, path: string, roleid: string, propagate: number, remove: boolean): void {
  if (may(call, path, ['Permissions.Modify'])) return;
  const { state } = call.world;
  const held = privilegesAt(state, call.principal, path);
  const start = `Cannot ${remove ? 'remove' : 'add'} role '${roleid}'`;
  for (const priv of state.roles.get(roleid)?.privs ?? []) {
    const own = held.get(priv);
    if (own === undefined)
      throw parameterError({ role: `${start} - requires 'Permissions.Modify' or superset of privileges.` });
    if (propagate === 1 && own !== propagate && !remove)
      throw parameterError({
        role: `${start} with propagation - requires 'Permissions.Modify' or propagated superset of privileges.`,
      });
  }
  if (roleid === 'NoAccess') throw parameterError({ role: `${start} - requires 'Permissions.Modify'` });
}

/** In the order in which they are looked at. */
const SUBJECTS = [
  {
    param: 'groups',
    type: 'group',
    has: (state: State, id: string) => state.groups.has(id),
    missing: (id: string) => `group '${id}' does not exist`,
  },
  {
    param: 'users',
    type: 'user',
    has: (state: State, id: string) => state.users.has(id),
    missing: (id: string) => `user '${id}' does not exist`,
  },
  {
    param: 'tokens',
    type: 'token',
    has: (state: State, id: string) => state.tokens.has(id),
    missing: noSuchToken,
  },
] as const;

function update(call: Call): null {
  const { params } = call;
  const { state } = call.world;
  if (!SUBJECTS.some(({ param }) => params.has(param))) {
    const words = "either 'users', 'groups' or 'tokens' is required.";
    throw parameterError({ users: words, groups: words, tokens: words });
  }
  const remove = params.flag('delete');
  const path = normalizePath(params.text('path'), remove);
  const propagate = params.has('propagate') ? params.number('propagate') : 1;
  return change('ACL update', () => {
    for (const roleid of splitList(params.text('roles'))) {
      if (!state.roles.has(roleid)) throw fail(`role '${roleid}' does not exist`);
      demandSuperset(call, path, roleid, propagate, remove);
      for (const { param, type, has, missing } of SUBJECTS) {
        for (const ugid of splitList(params.maybe(param) ?? '')) {
          const same = (entry: AclEntry): boolean =>
            entry.path === path && entry.type === type && entry.ugid === ugid && entry.roleid === roleid;
          if (!has(state, ugid)) throw fail(missing(ugid));
          state.acl = state.acl.filter((entry) => !same(entry));
          if (!remove) state.acl.push({ path, type, ugid, roleid, propagate });
        }
      }
    }
    return null;
  });
}

/** What someone may do, by path: the usual paths, those of the ACL, and the members of pools. */
function permissions(call: Call): unknown {
  const { state } = call.world;
  const userid = call.params.maybe('userid');
  const [user = '', token] = (userid ?? '').split('!');
  const principal =
    userid === undefined
      ? call.principal
      : { user, name: userid, root: false, ...(token === undefined ? {} : { token }) };
  // One's own, and those of one's tokens; a token may not look at its owner's.
  const own = userid === undefined || userid === call.principal.name || principal.user === call.principal.name;
  if (!own) demand(call, '/access', ['Sys.Audit']);
  const wanted = call.params.maybe('path');
  const paths = wanted === undefined ? knownPaths(state) : [wanted];
  const out: Record<string, unknown> = {};
  const rights = new Rights(state);
  for (const path of paths) {
    const held = rights.at(principal, path);
    if (held.size > 0 || wanted !== undefined) out[path] = Object.fromEntries(held);
  }
  return out;
}

function knownPaths(state: State): string[] {
  const paths = new Set(['/', '/access', '/access/groups', '/nodes', '/pool', '/sdn', '/storage', '/vms']);
  // The folders above an entry are in the tree as well.
  for (const { path } of state.acl) for (const level of prefixes(path)) paths.add(level);
  for (const pool of state.pools.values()) {
    for (const vmid of pool.vms) paths.add(`/vms/${vmid}`);
    for (const storage of pool.storages) paths.add(`/storage/${storage}`);
  }
  return [...paths];
}

export const aclRoutes: Routes = {
  'GET /access/acl': list,
  'PUT /access/acl': update,
  'GET /access/permissions': permissions,
};
