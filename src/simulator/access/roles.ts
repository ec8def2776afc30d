import type { Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { Role, State } from '../state/types.ts';
import { may } from './check.ts';
import { change } from './users.ts';

function roleById(state: State, roleid: string): Role {
  const role = state.roles.get(roleid);
  if (role === undefined) throw fail(`role '${roleid}' does not exist`);
  return role;
}

const groupById = (state: State, groupid: string) => {
  const group = state.groups.get(groupid);
  if (group === undefined) throw fail(`group '${groupid}' does not exist`);
  return group;
};

export const roleRoutes: Routes = {
  'GET /access/roles': ({ world }) =>
    [...world.state.roles.values()].map(({ roleid, privs, special }) => ({ roleid, privs: privs.join(','), special })),
  'GET /access/roles/{roleid}': ({ world, params }) =>
    Object.fromEntries(roleById(world.state, params.text('roleid')).privs.map((priv) => [priv, 1])),
  'POST /access/roles': ({ world, params }) => {
    const roleid = params.text('roleid');
    if (/^PVE/i.test(roleid))
      throw parameterError({ roleid: "cannot use role ID starting with the (case-insensitive) 'PVE' namespace" });
    return change('create role', () => {
      if (world.state.roles.has(roleid)) throw fail(`role '${roleid}' already exists`);
      world.state.roles.set(roleid, { roleid, privs: splitList(params.maybe('privs') ?? '').toSorted(), special: 0 });
      return null;
    });
  },
  'PUT /access/roles/{roleid}': ({ world, params }) => {
    const roleid = params.text('roleid');
    if (world.state.roles.get(roleid)?.special === 1) throw fail(`auto-generated role '${roleid}' cannot be modified`);
    return change('update role', () => {
      const role = roleById(world.state, roleid);
      const privs = splitList(params.maybe('privs') ?? '');
      role.privs = [...new Set([...(params.flag('append') ? role.privs : []), ...privs])].toSorted();
      return null;
    });
  },
  'DELETE /access/roles/{roleid}': ({ world, params }) => {
    const roleid = params.text('roleid');
    if (world.state.roles.get(roleid)?.special === 1) throw fail(`auto-generated role '${roleid}' cannot be deleted`);
    return change('delete role', () => {
      roleById(world.state, roleid);
      world.state.roles.delete(roleid);
      world.state.acl = world.state.acl.filter((entry) => entry.roleid !== roleid);
      return null;
    });
  },
};

export const groupRoutes: Routes = {
  'GET /access/groups': (call) =>
    [...call.world.state.groups.values()]
      .filter(({ groupid }) =>
        may(call, `/access/groups/${groupid}`, ['User.Modify', 'Sys.Audit', 'Group.Allocate'], true),
      )
      .map(({ groupid, comment, users }) => ({
        groupid,
        users: users.join(','),
        ...(comment === undefined ? {} : { comment }),
      })),
  'GET /access/groups/{groupid}': ({ world, params }) => {
    const { comment, users } = groupById(world.state, params.text('groupid'));
    return { members: users, ...(comment === undefined ? {} : { comment }) };
  },
  'POST /access/groups': ({ world, params }) =>
    change('create group', () => {
      const groupid = params.text('groupid');
      if (world.state.groups.has(groupid)) throw fail(`group '${groupid}' already exists`);
      const comment = params.maybe('comment');
      world.state.groups.set(groupid, { groupid, users: [], ...(comment === undefined ? {} : { comment }) });
      return null;
    }),
  'PUT /access/groups/{groupid}': ({ world, params }) =>
    change('update group', () => {
      const group = groupById(world.state, params.text('groupid'));
      // An empty comment is none.
      delete group.comment;
      if ((params.maybe('comment') ?? '') !== '') group.comment = params.text('comment');
      return null;
    }),
  'DELETE /access/groups/{groupid}': ({ world, params }) =>
    change('delete group', () => {
      const { groupid } = groupById(world.state, params.text('groupid'));
      world.state.groups.delete(groupid);
      world.state.acl = world.state.acl.filter(({ type, ugid }) => !(type === 'group' && ugid === groupid));
      return null;
    }),
};
