import type { Call, Routes } from '../core/call.ts';
import { fail, forbidden, PveError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { State, User } from '../state/types.ts';
import { groupsWith, may } from './check.ts';
import { realmType } from './realm-type.ts';
import { assertMayModify } from './reauth.ts';

const FIELDS = ['comment', 'email', 'firstname', 'lastname', 'keys'] as const;

const realmOf = (userid: string): string => userid.split('@').at(-1) ?? '';
const tokensOf = (state: State, userid: string) =>
  [...state.tokens.values()].filter((token) => token.userid === userid);
const groupsOf = (state: State, userid: string) =>
  [...state.groups.values()].filter(({ users }) => users.includes(userid)).map(({ groupid }) => groupid);

/**
 * Wraps a change of a file that is locked in the cluster: PVE puts what it was doing in front of the reason, and makes
 * one text, with status 500, of refusals and field errors as well (FACTS 7).
 */
export function change<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PveError)) throw error;
    const { status, message, errors = {} } = error;
    const fields = Object.entries(errors).map(([name, words]) => `\n${name}: ${words}`);
    throw fail(`${what} failed: ${status === 500 ? '' : `${status} `}${message}${fields.join('')}`);
  }
}

export function userById(state: State, userid: string): User {
  const user = state.users.get(userid);
  if (user === undefined) throw fail(`no such user ('${userid}')`);
  return user;
}

function details(user: User): Record<string, unknown> {
  const out: Record<string, unknown> = { enable: user.enable, expire: user.expire };
  for (const field of FIELDS) if (user[field] !== undefined) out[field] = user[field];
  return out;
}

const SEEN_WITH = ['User.Modify', 'Sys.Audit'];

function list(call: Call): unknown[] {
  const { state } = call.world;
  const all = may(call, '/access/groups', SEEN_WITH, true);
  const members = new Set([...groupsWith(call, SEEN_WITH)].flatMap((id) => state.groups.get(id)?.users ?? []));
  return [...state.users.values()]
    .filter(({ userid }) => all || userid === call.principal.name || members.has(userid))
    .filter(({ enable }) => !call.params.has('enabled') || enable === call.params.number('enabled'))
    .map((user) => {
      const type = realmType(state, realmOf(user.userid));
      const row: Record<string, unknown> = {
        userid: user.userid,
        ...details(user),
        ...(type === undefined ? {} : { 'realm-type': type }),
      };
      if (!call.params.flag('full')) return row;
      return {
        ...row,
        groups: groupsOf(state, user.userid).join(','),
        tokens: tokensOf(state, user.userid).map(({ tokenid, privsep, expire }) => ({ tokenid, privsep, expire })),
      };
    });
}

function setGroups(state: State, userid: string, groups: readonly string[], append: boolean): void {
  for (const groupid of groups) if (!state.groups.has(groupid)) throw fail(`no such group '${groupid}'`);
  for (const group of state.groups.values()) {
    const named = groups.includes(group.groupid);
    if (named && !group.users.includes(userid)) group.users.push(userid);
    if (!named && !append) group.users = group.users.filter((one) => one !== userid);
  }
}

function setFields(call: Call, user: User): void {
  const { params } = call;
  for (const field of FIELDS) if (params.has(field)) user[field] = params.text(field);
  if (params.has('enable')) user.enable = params.number('enable');
  if (params.has('expire')) user.expire = params.number('expire');
}

function setFirstPassword(state: State, user: User, password: string): void {
  const realm = realmOf(user.userid);
  const type = realmType(state, realm);
  if (type === undefined) throw fail(`auth domain '${realm}' does not exist`);
  if (type !== 'pam' && type !== 'pve') throw fail(`can't set password on auth type '${type}'`);
  user.password = password;
}

function create(call: Call): null {
  const { params } = call;
  const { state } = call.world;
  const userid = params.text('userid');
  return change('create user', () => {
    if (state.users.has(userid)) throw fail(`user '${userid}' already exists`);
    const groups = splitList(params.maybe('groups') ?? '');
    for (const groupid of groups) if (!state.groups.has(groupid)) throw fail(`no such group '${groupid}'`);
    const user: User = { userid, enable: 1, expire: 0 };
    setFields(call, user);
    if (params.has('password')) setFirstPassword(state, user, params.text('password'));
    state.users.set(userid, user);
    setGroups(state, userid, groups, true);
    return null;
  });
}

function update(call: Call): null {
  const { params } = call;
  const { state } = call.world;
  const userid = params.text('userid');
  return change('update user', () => {
    const user = userById(state, userid);
    setFields(call, user);
    if (params.has('groups')) setGroups(state, userid, splitList(params.text('groups')), params.flag('append'));
    return null;
  });
}

/** A missing user is no error (FACTS 19); tokens, memberships and rights go along. */
function remove(call: Call): null {
  const { state } = call.world;
  const userid = call.params.text('userid');
  state.users.delete(userid);
  state.tfa.delete(userid);
  for (const token of tokensOf(state, userid)) state.tokens.delete(`${userid}!${token.tokenid}`);
  for (const group of state.groups.values()) group.users = group.users.filter((one) => one !== userid);
  state.acl = state.acl.filter(
    ({ type, ugid }) => !(type === 'user' && ugid === userid) && !(type === 'token' && ugid.startsWith(`${userid}!`)),
  );
  return null;
}

function setPassword(call: Call): null {
  const { params, principal } = call;
  const user = assertMayModify(call, 'confirmation-password');
  const realm = realmOf(user.userid);
  // Only root may set passwords of the system's own users.
  if (!principal.root && user.userid !== principal.user && realm === 'pam') throw forbidden();
  const type = realmType(call.world.state, realm);
  if (type === undefined) throw fail(`auth domain '${realm}' does not exist`);
  if (type !== 'pam' && type !== 'pve') throw fail(`can't set password on auth type '${type}'`);
  user.password = params.text('password');
  delete user.passwordUnknown;
  call.world.log('root@pam', `changed password for user '${user.userid}'`);
  return null;
}

export const userRoutes: Routes = {
  'GET /access/users': list,
  'POST /access/users': create,
  'GET /access/users/{userid}': ({ world, params }) => {
    const user = userById(world.state, params.text('userid'));
    const tokens = tokensOf(world.state, user.userid).map(({ tokenid, privsep, expire, comment }) => [
      tokenid,
      { privsep, expire, ...(comment === undefined ? {} : { comment }) },
    ]);
    return {
      ...details(user),
      groups: groupsOf(world.state, user.userid),
      tokens: tokens.length === 0 ? null : Object.fromEntries(tokens),
    };
  },
  'PUT /access/users/{userid}': update,
  'DELETE /access/users/{userid}': remove,
  'PUT /access/password': setPassword,
};
