import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Call, Principal, Routes } from '../core/call.ts';
import { PveError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { privilegesAt } from './permissions.ts';

/** Seconds for which a ticket holds. */
const LIFETIME = 7_200;

const stamp = (seconds: number): string => seconds.toString(16).toUpperCase().padStart(8, '0');

const sign = (world: World, text: string): string =>
  createHmac('sha256', world.ticketKey).update(text).digest('base64');

function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

export const makeTicket = (world: World, user: string): string => {
  const plain = `PVE:${user}:${stamp(world.seconds())}`;
  return `${plain}::${sign(world, plain)}`;
};

/** The user of a ticket that was made here and still holds. */
export function readTicket(world: World, ticket: string): string | undefined {
  const [, user, time, signature] = /^PVE:([^:]+):([0-9A-F]{8})::(.+)$/.exec(ticket) ?? [];
  if (user === undefined || time === undefined || signature === undefined) return undefined;
  const age = world.seconds() - Number.parseInt(time, 16);
  if (age > LIFETIME || age < -300 || !same(signature, sign(world, `PVE:${user}:${time}`))) return undefined;
  return known(world, user) ? user : undefined;
}

export const makeCsrf = (world: World, user: string): string => {
  const time = stamp(world.seconds());
  return `${time}:${sign(world, `${time}:${user}`)}`;
};

export function checkCsrf(world: World, user: string, token: string): boolean {
  const [time = '', signature = ''] = token.split(':');
  return same(signature, sign(world, `${time}:${user}`));
}

/** The principal of `user@realm!id=secret`. */
export function readApiToken(world: World, header: string): Principal | undefined {
  const [, user, token, secret] = /^([^!=]+)!([^=]+)=(.+)$/.exec(header) ?? [];
  if (user === undefined || token === undefined || secret === undefined) return undefined;
  const known = world.state.tokens.get(`${user}!${token}`);
  if (known?.secret === undefined || !same(known.secret, secret)) return undefined;
  if (known.expire !== 0 && known.expire <= world.seconds()) return undefined;
  return principalOf(world, `${user}!${token}`);
}

/** Undefined when there is no such user or token, or it may not act. */
export function principalOf(world: World, name: string): Principal | undefined {
  const [user = '', token] = name.split('!');
  // A twin acts for the control plane's own principal, which it need not have read.
  if (!world.state.partial && (!known(world, user) || (token !== undefined && !world.state.tokens.has(name))))
    return undefined;
  return { user, name, root: user === 'root@pam' && token === undefined, ...(token === undefined ? {} : { token }) };
}

function known(world: World, user: string): boolean {
  const found = world.state.users.get(user);
  return found !== undefined && found.enable !== 0 && (found.expire === 0 || found.expire > world.seconds());
}

/** Which parts of the page a user may open. */
function capabilities(world: World, principal: Principal): Record<string, Record<string, number>> {
  const pick = (path: string, pattern: RegExp): Record<string, number> =>
    Object.fromEntries(
      [...privilegesAt(world.state, principal, path)].filter(([priv]) => pattern.test(priv)).map(([priv]) => [priv, 1]),
    );
  const merge = (paths: readonly string[], pattern: RegExp) =>
    Object.assign({}, ...paths.map((path) => pick(path, pattern))) as Record<string, number>;
  const pools = [...world.state.pools.keys()].map((pool) => `/pool/${pool}`);
  return {
    vms: merge(['/vms', ...pools], /^VM\.|^Permissions/),
    storage: merge(['/storage'], /^Datastore\.|^Permissions/),
    nodes: merge(['/nodes'], /^Sys\.|^Permissions/),
    access: merge(['/access', '/access/groups'], /^(?:User|Group)\.|^Permissions/),
    mapping: merge(['/mapping'], /^Mapping\.|^Permissions/),
    sdn: merge(['/sdn'], /^SDN\.|^Permissions/),
    dc: merge(['/'], /^(?:SDN|Sys\.(?:Audit|Modify))/),
  };
}

function login({ world, params }: Call): unknown {
  const name = params.text('username');
  const realm = params.maybe('realm');
  const userid = name.includes('@') ? name : realm === undefined ? name : `${name}@${realm}`;
  const password = params.text('password');
  const user = world.state.users.get(userid);
  // A ticket is as good as the password (FACTS 16).
  const proven =
    (user?.password !== undefined && same(user.password, password)) || readTicket(world, password) === userid;
  if (user === undefined || !known(world, userid) || !proven) throw new PveError(401, 'authentication failure');
  const principal: Principal = { user: userid, name: userid, root: userid === 'root@pam' };
  return {
    username: userid,
    ticket: makeTicket(world, userid),
    CSRFPreventionToken: makeCsrf(world, userid),
    cap: capabilities(world, principal),
    ...(privilegesAt(world.state, principal, '/').has('Sys.Audit') ? { clustername: world.state.clusterName } : {}),
  };
}

export const ticketRoutes: Routes = {
  'GET /access/ticket': () => null,
  'POST /access/ticket': login,
  'GET /access/domains': ({ world }) => world.state.documents['/access/domains'] ?? [],
};
