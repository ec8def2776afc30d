import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { AclEntry, State } from '../state/types.ts';
import { may } from './check.ts';
import { privilegesAt } from './permissions.ts';
import { change } from './users.ts';

const PATHS =
  /^\/(?:access(?:\/(?:groups|realm)(?:\/[^/]+)?)?|mapping(?:\/[^/]+){0,2}|nodes(?:\/[^/]+)?|pool(?:\/.+)?|sdn(?:\/.+)?|storage(?:\/[^/]+)?|vms(?:\/\d+)?)?$/;

function normalizePath(path: string): string {
  const clean = `/${path.split('/').filter(Boolean).join('/')}`;
  if (!PATHS.test(clean)) throw parameterError({ path: `invalid ACL path '${path}'` });
  return clean;
}

/** Entries on paths whose permissions the caller may look at. */
function list(call: Call): AclEntry[] {
  const { acl } = call.world.state;
  const exact = call.params.flag('exact');
  const path = call.params.maybe('path');
  return acl.filter(
    (entry) => (!exact || entry.path === path) && may(call, entry.path, ['Permissions.Modify', 'Sys.Audit'], true),
  );
}

const SUBJECTS = [
  { param: 'users', type: 'user', has: (state: State, id: string) => state.users.has(id), noun: 'user' },
  { param: 'groups', type: 'group', has: (state: State, id: string) => state.groups.has(id), noun: 'group' },
  { param: 'tokens', type: 'token', has: (state: State, id: string) => state.tokens.has(id), noun: 'API token' },
] as const;

function update(call: Call): null {
  const { params } = call;
  const { state } = call.world;
  const path = normalizePath(params.text('path'));
  if (!SUBJECTS.some(({ param }) => params.has(param))) {
    const words = "either 'users', 'groups' or 'tokens' is required.";
    throw parameterError({ users: words, groups: words, tokens: words });
  }
  const propagate = params.has('propagate') ? params.number('propagate') : 1;
  const remove = params.flag('delete');
  return change('ACL update', () => {
    for (const roleid of splitList(params.text('roles'))) {
      if (!state.roles.has(roleid)) throw fail(`role '${roleid}' does not exist`);
      for (const { param, type, has, noun } of SUBJECTS) {
        for (const ugid of splitList(params.maybe(param) ?? '')) {
          const same = (entry: AclEntry): boolean =>
            entry.path === path && entry.type === type && entry.ugid === ugid && entry.roleid === roleid;
          if (!remove && !has(state, ugid)) throw fail(`${noun} '${ugid}' does not exist`);
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
  if (userid !== undefined && principal.user !== call.principal.user && !may(call, '/access', ['Sys.Audit'])) {
    throw fail(`Permission check failed (/access, Sys.Audit)`);
  }
  const wanted = call.params.maybe('path');
  const paths = wanted === undefined ? knownPaths(state) : [wanted];
  const out: Record<string, unknown> = {};
  for (const path of paths) {
    const held = privilegesAt(state, principal, path);
    if (held.size > 0) out[path] = Object.fromEntries(held);
  }
  return out;
}

function knownPaths(state: State): string[] {
  const paths = new Set(['/', '/access', '/access/groups', '/nodes', '/pool', '/sdn', '/storage', '/vms']);
  for (const { path } of state.acl) paths.add(path);
  for (const pool of state.pools.values()) {
    paths.add(`/pool/${pool.poolid}`);
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
