import { createHmac } from 'node:crypto';
import type { Call, Principal, Routes } from '../core/call.ts';
import { PveError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { splitList } from '../schema/formats.ts';
import { prefixes, privilegesAt } from './permissions.ts';
import { isPassword } from './reauth.ts';
import { same } from './secrets.ts';
import { answersChallenge, challengeOf, needsTfa } from './tfa.ts';

/** Seconds for which a ticket holds. */
const LIFETIME = 7_200;

const stamp = (seconds: number): string => seconds.toString(16).toUpperCase().padStart(8, '0');

const sign = (world: World, text: string): string =>
  createHmac('sha256', world.ticketKey).update(text).digest('base64');

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

const PERMISSIONS = 'Permissions.Modify';
/** Which privileges count for which part of the page. */
const PARTS: Readonly<Record<string, RegExp>> = {
  vms: /^VM\./,
  access: /^(?:User|Group)\./,
  storage: /^Datastore\./,
  nodes: /^Sys\./,
  sdn: /^SDN\./,
  dc: /^(?:Sys\.Audit|Sys\.Modify|SDN\.)/,
  mapping: /^Mapping\./,
};

/** Which parts of the page a user may open: by the usual paths, and by those that stand in the ACL. */
function capabilities(world: World, principal: Principal): Record<string, Record<string, number>> {
  const out: Record<string, Record<string, number>> = {};
  for (const part of Object.keys(PARTS)) out[part] = {};
  const paths = new Set(['/', '/nodes', '/access/groups', '/vms', '/storage', '/sdn', '/mapping']);
  for (const { path } of world.state.acl) for (const level of prefixes(path)) paths.add(level);
  for (const path of paths) {
    const top = /^\/(\w+)/.exec(path)?.[1] ?? 'dc';
    // Rights on a pool are rights on what is in it.
    const parts = top === 'pool' ? ['vms', 'storage'] : [top];
    for (const priv of privilegesAt(world.state, principal, path).keys()) {
      for (const part of parts) {
        const counts = PARTS[part]?.test(priv) === true || (priv === PERMISSIONS && part !== 'dc');
        if (counts) (out[part] ??= {})[priv] = 1;
      }
    }
  }
  return out;
}

const failed = (): PveError => new PveError(401, 'authentication failure');

/** `alice` and a realm, or `alice@pve`. */
function useridOf({ params }: Call): string {
  const name = params.text('username');
  const realm = params.maybe('realm');
  return realm === undefined ? name : `${name}@${realm}`;
}

/** A ticket that only says who has still to show a second factor. */
const makeChallenge = (world: World, userid: string): string => {
  const plain = `PVE:!tfa!${encodeURIComponent(JSON.stringify(challengeOf(world.state, userid)))}:${stamp(world.seconds())}`;
  return `${plain}::${sign(world, `${plain}:${userid}`)}`;
};

function isChallenge(world: World, userid: string, challenge: string): boolean {
  const at = challenge.lastIndexOf('::');
  return at > 0 && same(challenge.slice(at + 2), sign(world, `${challenge.slice(0, at)}:${userid}`));
}

/** True when the caller has proven to be the user; `second` when the second factor is still to come. */
function prove({ world, params }: Call, userid: string): true | 'second' | undefined {
  const user = world.state.users.get(userid);
  if (user === undefined || !known(world, userid)) return undefined;
  const password = params.text('password');
  const challenge = params.maybe('tfa-challenge');
  if (challenge !== undefined)
    return isChallenge(world, userid, challenge) && answersChallenge(world, userid, password) ? true : undefined;
  // A ticket is as good as the password (FACTS 16); root's is so for everybody.
  const owner = readTicket(world, password);
  if (owner === userid || owner === 'root@pam') return true;
  if (!isPassword(user, password)) return undefined;
  return needsTfa(world.state, userid) ? 'second' : true;
}

function login(call: Call): unknown {
  const { world, params } = call;
  const userid = useridOf(call);
  const proven = prove(call, userid);
  if (proven === undefined) throw failed();
  const principal: Principal = { user: userid, name: userid, root: userid === 'root@pam' };
  const path = params.maybe('path');
  if (path !== undefined) {
    const held = privilegesAt(world.state, principal, path);
    if (!splitList(params.text('privs')).every((priv) => held.has(priv))) throw failed();
    return { username: userid, cap: capabilities(world, principal), ...clusterName(world, principal) };
  }
  world.log('root@pam', `successful auth for user '${userid}'`);
  return {
    username: userid,
    ticket: proven === 'second' ? makeChallenge(world, userid) : makeTicket(world, userid),
    CSRFPreventionToken: makeCsrf(world, userid),
    ...(proven === 'second' ? { NeedTFA: 1 } : { cap: capabilities(world, principal) }),
    ...clusterName(world, principal),
  };
}

const clusterName = (world: World, principal: Principal): Record<string, string> =>
  world.state.clusterName !== '' && privilegesAt(world.state, principal, '/').has('Sys.Audit')
    ? { clustername: world.state.clusterName }
    : {};

export const ticketRoutes: Routes = {
  'GET /access/ticket': () => null,
  'POST /access/ticket': login,
  // A console's ticket is made for one console; there is none here that it could be checked against.
  'POST /access/vncticket': () => {
    throw failed();
  },
};
