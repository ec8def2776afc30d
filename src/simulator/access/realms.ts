import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError, PveError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import { sha1 } from '../state/guests.ts';
import type { State } from '../state/types.ts';
import { checkOptions, type TypeOptions } from '../core/section.ts';
import { textOf } from '../core/text.ts';
import { isDirectory } from './realm-type.ts';
import { change } from './users.ts';

const words = (text: string): string[] => text.split(' ');

const DIRECTORY = words(
  'server2 port secure sslversion default comment tfa verify capath cert certkey bind_dn password filter sync_attributes user_classes group_dn group_name_attr group_filter group_classes sync-defaults-options mode case-sensitive',
);

/** What may and must be said of a realm of each type. */
const OPTIONS: Readonly<Record<string, TypeOptions>> = {
  pam: { required: [], fixed: [], optional: words('default comment tfa') },
  pve: { required: [], fixed: [], optional: words('default comment tfa') },
  ad: { required: words('server1 domain'), fixed: [], optional: [...DIRECTORY, 'base_dn', 'user_attr'] },
  ldap: { required: words('server1 base_dn user_attr'), fixed: [], optional: DIRECTORY },
  openid: {
    required: words('issuer-url client-id'),
    fixed: ['username-claim'],
    optional: words(
      'client-key autocreate groups-claim groups-autocreate groups-overwrite prompt scopes acr-values audiences default comment query-userinfo',
    ),
  },
};

const FILE = 'domains.cfg';

const fileText = (state: State): string => JSON.stringify([...state.realms]);

const digestOf = ({ world }: Call): string => world.fileDigest(FILE, fileText(world.state));

function list({ world }: Call): unknown[] {
  return [...world.state.realms].map(([realm, { type, comment, default: first, tfa }]) => ({
    realm,
    type,
    ...(comment === undefined || comment === '' ? {} : { comment }),
    ...(Number(first ?? 0) === 1 ? { default: 1 } : {}),
    ...(tfa === undefined ? {} : { tfa: /type=([^,]+)/.exec(textOf(tfa))?.[1] }),
  }));
}

function realmOf(call: Call, noun = 'domain'): Record<string, unknown> {
  const realm = call.params.text('realm');
  const found = call.world.state.realms.get(realm);
  if (found === undefined) throw fail(`${noun} '${realm}' does not exist`);
  return found;
}

/** Only one realm is offered first. */
function setOptions(call: Call, realm: Record<string, unknown>, values: Readonly<Record<string, unknown>>): void {
  if (Number(values.default ?? 0) === 1) for (const other of call.world.state.realms.values()) delete other.default;
  Object.assign(realm, values);
}

function checkConnection(call: Call, type: string): void {
  if (!call.params.has('check-connection')) return;
  if (!isDirectory(type)) throw fail("'check-connection' parameter can only be set for realms of type 'ldap' or 'ad'");
}

const given = (call: Call): Record<string, unknown> =>
  Object.fromEntries(call.params.without('realm', 'digest', 'delete', 'password', 'check-connection'));

function create(call: Call): null {
  const { params, world } = call;
  const realm = params.text('realm');
  const type = params.text('type');
  return change('add auth server', () => {
    if (world.state.realms.has(realm)) throw fail(`domain '${realm}' already exists`);
    if (realm === 'pam' || realm === 'pve') throw fail(`unable to use reserved name '${realm}'`);
    if (type === 'pam' || type === 'pve') throw fail(`unable to create builtin type '${type}'`);
    checkConnection(call, type);
    const { type: _type, ...values } = given(call);
    checkOptions(OPTIONS[type], values, true);
    const created = { type };
    setOptions(call, created, values);
    world.state.realms.set(realm, created);
    return null;
  });
}

function update(call: Call): null {
  const { params } = call;
  return change('update auth server', () => {
    const digest = params.maybe('digest');
    if (digest !== undefined && digest !== digestOf(call))
      throw fail('detected modified configuration - file changed by other user? Try again.');
    const realm = realmOf(call);
    const type = textOf(realm.type);
    checkConnection(call, type);
    const values = given(call);
    const remove = splitList(params.maybe('delete') ?? '');
    if (remove.length === 0 && Object.keys(values).length === 0 && !params.has('password'))
      throw fail('no options specified');
    checkOptions(OPTIONS[type], values, false);
    for (const key of remove) delete realm[key];
    setOptions(call, realm, values);
    return null;
  });
}

/** There is no directory to ask: what PVE itself would refuse is refused, the rest is not modelled. */
function sync(call: Call): never {
  const realm = call.world.state.realms.get(call.params.text('realm'));
  if (realm === undefined) throw parameterError({ realm: 'Realm does not exist.' });
  const type = textOf(realm.type);
  if (!isDirectory(type)) throw fail(`Cannot sync realm type '${type}'! Only LDAP/AD realms can be synced.`);
  throw new PveError(501, `Method 'POST ${call.path}' not implemented`);
}

/** The address that a browser is sent to. Nobody can come back from there, so a login always fails. */
function authUrl(call: Call): string {
  const realm = realmOf(call, 'authentication domain');
  if (realm.type !== 'openid') throw fail(`wrong realm type (${textOf(realm.type)} != openid)`);
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: textOf(realm['client-id']),
    state: sha1(`state ${call.world.uuid()}`),
    redirect_uri: call.params.text('redirect-url'),
    scope: `openid ${textOf(realm.scopes) || 'email profile'}`,
    nonce: sha1(`nonce ${call.world.uuid()}`).slice(0, 22),
  });
  return `${textOf(realm['issuer-url']).replace(/\/$/, '')}/authorize?${query.toString()}`;
}

export const realmRoutes: Routes = {
  'GET /access/domains': list,
  'POST /access/domains': create,
  'GET /access/domains/{realm}': (call) => ({ ...realmOf(call), digest: digestOf(call) }),
  'PUT /access/domains/{realm}': update,
  'DELETE /access/domains/{realm}': (call) =>
    change('delete auth server', () => {
      realmOf(call, 'authentication domain');
      call.world.state.realms.delete(call.params.text('realm'));
      return null;
    }),
  'POST /access/domains/{realm}/sync': sync,
  'POST /access/openid/auth-url': authUrl,
  'POST /access/openid/login': () => {
    throw new PveError(401, 'authentication failure');
  },
};
