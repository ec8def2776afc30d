import type { Call } from '../core/call.ts';
import { fail, forbidden } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import { Rights } from './permissions.ts';

const rightsByCall = new WeakMap<object, Rights>();

/** Worked out once for a call that only reads; what a call changes may be what it asks for next. */
function rightsOf({ world, method, params }: Call): Rights {
  if (method.method !== 'GET') return new Rights(world.state);
  let rights = rightsByCall.get(params);
  if (rights === undefined) rightsByCall.set(params, (rights = new Rights(world.state)));
  return rights;
}

/** Whether the caller has these privileges at a path: all of them, or any one. */
export function may(call: Call, path: string, privileges: readonly string[], any = false): boolean {
  // What a live lab allows is checked by the control plane itself; a partial twin has not read its ACL.
  if (call.world.state.partial) return true;
  if (call.principal.root) return true;
  const held = rightsOf(call).at(call.principal, path);
  return any ? privileges.some((one) => held.has(one)) : privileges.every((one) => held.has(one));
}

/** 403 in PVE's words when the caller may not (FACTS 4). */
export function demand(call: Call, path: string, privileges: readonly string[], any = false): void {
  if (any) {
    if (!may(call, path, privileges, true)) throw forbidden(`${path}, ${privileges.join('|')}`);
    return;
  }
  for (const one of privileges) if (!may(call, path, [one])) throw forbidden(`${path}, ${one}`);
}

type Check = readonly unknown[];

/** Evaluates the `permissions.check` of a method, before anything else is looked at (FACTS 4). */
export function demandSchema(call: Call): void {
  const { permissions } = call.method;
  if (call.principal.root) return;
  if (permissions === null) {
    throw forbidden();
  }
  if (permissions.user !== undefined || permissions.check === undefined) return;
  evaluate(call, permissions.check, true);
}

const fill = (call: Call, path: string): string =>
  path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => call.params.maybe(name) ?? `{${name}}`);

/** True or false, or with `strict` the 403 of the check that failed. */
function evaluate(call: Call, check: Check, strict: boolean): boolean {
  switch (check[0]) {
    case 'and':
      return check.slice(1).every((part) => evaluate(call, part as Check, strict));
    case 'or':
      return check.slice(1).some((part) => evaluate(call, part as Check, false)) || refuse(strict);
    case 'perm':
      return evaluatePerm(call, check, strict);
    case 'perm-modify':
      return evaluateAcl(call, fill(call, String(check[1])), strict);
    case 'userid-param':
      return evaluateUser(call, String(check[1]), strict);
    case 'userid-group':
      return evaluateGroups(call, check, strict);
    default:
      throw fail(`unknown permission test ${String(check[0])}`);
  }
}

function refuse(strict: boolean, what?: string): false {
  if (strict) throw forbidden(what);
  return false;
}

function evaluatePerm(call: Call, [, template, privileges, ...options]: Check, strict: boolean): boolean {
  const required = options[options.indexOf('require_param') + 1];
  if (options.includes('require_param') && !call.params.has(String(required))) return refuse(strict);
  const path = fill(call, String(template));
  const wanted = privileges as readonly string[];
  const any = options.includes('any');
  if (strict) demand(call, path, wanted, any);
  return may(call, path, wanted, any);
}

const aclRights = (path: string): readonly string[] => [
  'Permissions.Modify',
  ...(/^\/storage\/./.test(path) ? ['Datastore.Allocate'] : []),
  ...(/^\/vms\/./.test(path) ? ['VM.Allocate'] : []),
  ...(/^\/pool\/./.test(path) ? ['Pool.Allocate'] : []),
];

/** Who may change the ACL of a path: Permissions.Modify, or the right to allocate what the path names. */
export const mayModifyAcl = (call: Call, path: string): boolean => may(call, path, aclRights(path), true);

/** 403 when the caller may not. */
export function demandAclRight(call: Call, path: string): void {
  demand(call, path, aclRights(path), true);
}

function evaluateAcl(call: Call, path: string, strict: boolean): boolean {
  if (strict) demandAclRight(call, path);
  return mayModifyAcl(call, path);
}

const userExists = (call: Call, userid: string, strict: boolean): boolean => {
  if (call.world.state.users.has(userid)) return true;
  if (strict) throw fail(`no such user ('${userid}')`);
  return false;
};

function evaluateUser(call: Call, what: string, strict: boolean): boolean {
  const userid = call.params.maybe('userid') ?? '';
  if (what === 'self') return userExists(call, userid, strict) && (userid === call.principal.name || refuse(strict));
  const realm = userid.split('@').at(-1) ?? '';
  const path = `/access/realm/${realm}`;
  if (strict) demand(call, path, [what]);
  return may(call, path, [what]);
}

/** Groups on which the caller has one of the privileges. */
export const groupsWith = (call: Call, privileges: readonly string[]): Set<string> =>
  new Set([...call.world.state.groups.keys()].filter((id) => may(call, `/access/groups/${id}`, privileges, true)));

/** A right on all groups, or on those that are named or that the user is a member of. */
function evaluateGroups(call: Call, [, privileges, , mode]: Check, strict: boolean): boolean {
  const { state } = call.world;
  const wanted = privileges as readonly string[];
  const userid = call.params.maybe('userid') ?? '';
  const exists = mode !== 'create';
  if (exists && !userExists(call, userid, strict)) return false;
  if (may(call, '/access/groups', wanted, true)) return true;
  const groups = groupsWith(call, wanted);
  const words = wanted.join('|');
  if (mode !== undefined) {
    const named = splitList(call.params.maybe('groups') ?? '');
    if (named.length === 0) return refuse(strict, `/access/groups, ${words}`);
    for (const one of named) if (!groups.has(one)) return refuse(strict, `/access/groups/${one}, ${words}`);
  }
  if (!exists) return true;
  return [...groups].some((id) => state.groups.get(id)?.users.includes(userid)) || refuse(strict);
}
