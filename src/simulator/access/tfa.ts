import { createHmac } from 'node:crypto';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError, PveError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import type { State, TfaEntry, User } from '../state/types.ts';
import { groupsWith, may } from './check.ts';
import { assertMayModify } from './reauth.ts';

const STEP_SECONDS = 30;
const DIGITS = 6;
const RECOVERY_CODES = 10;

const shown = ({ id, type, description, enable, created, codes }: TfaEntry): Record<string, unknown> => ({
  id,
  type,
  description,
  created,
  ...(enable ? {} : { enable: 0 }),
  ...(type === 'recovery' ? { 'recovery-left': codes?.length ?? 0 } : {}),
});

function fromBase32(text: string): Buffer {
  let bits = 0;
  let value = 0;
  const out: number[] = [];
  for (const letter of text.toUpperCase().replace(/=+$/, '')) {
    const at = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter);
    if (at < 0) throw fail('invalid base32 character');
    value = ((value << 5) | at) & 0xffff;
    bits += 5;
    if (bits >= 8) out.push((value >> (bits -= 8)) & 0xff);
  }
  return Buffer.from(out);
}

/** The code of RFC 6238 for a time step. */
export function totpCode(secret: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0x0f;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** The code of now, of half a minute ago or ahead. */
const isCode = (world: World, secret: string, code: string): boolean =>
  [-1, 0, 1].some((off) => totpCode(secret, Math.floor(world.seconds() / STEP_SECONDS) + off) === code);

/** Whether a user has to show a second factor. */
export const needsTfa = (state: State, userid: string): boolean =>
  (state.tfa.get(userid) ?? []).some(({ enable }) => enable);

/** What a login is told that still needs a second factor. */
export const challengeOf = (state: State, userid: string): Record<string, unknown> => {
  const entries = (state.tfa.get(userid) ?? []).filter(({ enable }) => enable);
  const codes = entries.find(({ type }) => type === 'recovery')?.codes ?? [];
  return {
    totp: entries.some(({ type }) => type === 'totp'),
    recovery: codes.map((_code, index) => index),
  };
};

/** `totp:123456` or `recovery:…`; a recovery code can be used once. */
export function answersChallenge(world: World, userid: string, response: string): boolean {
  const colon = response.indexOf(':');
  const kind = response.slice(0, colon);
  const value = response.slice(colon + 1);
  for (const entry of (world.state.tfa.get(userid) ?? []).filter(({ enable, type }) => enable && type === kind)) {
    if (entry.secret !== undefined && isCode(world, entry.secret, value)) return true;
    if (entry.codes?.includes(value) === true) {
      entry.codes = entry.codes.filter((code) => code !== value);
      return true;
    }
  }
  return false;
}

function save({ state }: World, user: User, entries: TfaEntry[]): void {
  if (entries.length > 0) {
    state.tfa.set(user.userid, entries);
    user.keys = 'x';
  } else {
    state.tfa.delete(user.userid);
    delete user.keys;
  }
}

function entryOf(call: Call): TfaEntry {
  const id = call.params.text('id');
  const entry = call.world.state.tfa.get(call.params.text('userid'))?.find((one) => one.id === id);
  if (entry === undefined) throw new PveError(404, `No such tfa entry '${id}'`);
  return entry;
}

function addTotp(call: Call, description: string): TfaEntry {
  const { params, world } = call;
  const uri = params.maybe('totp');
  if (uri === undefined) throw fail("missing 'totp' information");
  const secret = URL.canParse(uri) ? new URL(uri).searchParams.get('secret') : null;
  if (!uri.startsWith('otpauth://totp/') || secret === null) throw fail('failed to parse totp uri');
  if (!params.has('value')) throw fail("missing 'value' parameter");
  if (!isCode(world, secret, params.text('value'))) throw fail('invalid TOTP value');
  return { id: world.uuid(), type: 'totp', description, enable: true, created: world.seconds(), secret };
}

function add(call: Call): unknown {
  const { params, world } = call;
  const user = assertMayModify(call, 'password');
  const type = params.text('type');
  const entries = world.state.tfa.get(user.userid) ?? [];
  const description = params.maybe('description') ?? '';
  if (type === 'recovery') {
    if (params.has('description')) throw fail("'description' parameter is invalid for recovery keys");
    if (entries.some((entry) => entry.type === 'recovery')) throw fail('user already has recovery keys');
    const codes = Array.from({ length: RECOVERY_CODES }, () =>
      (Buffer.from(world.ids.bytes(8)).toString('hex').match(/.{4}/g) ?? []).join('-'),
    );
    const entry: TfaEntry = { id: 'recovery', type, description, enable: true, created: world.seconds(), codes };
    save(world, user, [...entries, entry]);
    return { id: entry.id, recovery: [...codes] };
  }
  if (description === '') throw fail("'description' is required for new TFA entries");
  if (type !== 'totp') throw notConfigured(type, user);
  const entry = addTotp(call, description);
  save(world, user, [...entries, entry]);
  return { id: entry.id };
}

/** Keys and tokens need a device, and a cluster that was set up for them. */
function notConfigured(type: string, { userid }: User): PveError {
  if (type === 'yubico') return fail(`no yubico otp configuration available for realm ${userid.split('@').at(-1)}`);
  return fail(`no ${type} configuration available`);
}

function list(call: Call): unknown[] {
  const { state } = call.world;
  const rights = ['User.Modify', 'Sys.Audit'];
  const all = may(call, '/access/groups', rights, true);
  const groups = groupsWith(call, rights);
  const member = (userid: string): boolean => [...groups].some((id) => state.groups.get(id)?.users.includes(userid));
  return [...state.tfa]
    .filter(([userid]) => all || userid === call.principal.name || member(userid))
    .map(([userid, entries]) => ({ userid, entries: entries.map(shown) }));
}

function update(call: Call): null {
  assertMayModify(call, 'password');
  const entry = entryOf(call);
  if (call.params.has('description')) entry.description = call.params.text('description');
  if (call.params.has('enable')) entry.enable = call.params.flag('enable');
  return null;
}

function remove(call: Call): null {
  const user = assertMayModify(call, 'password');
  const entry = entryOf(call);
  const rest = (call.world.state.tfa.get(user.userid) ?? []).filter((one) => one !== entry);
  save(call.world, user, rest);
  return null;
}

/** What a user has, by type; the realm's own demand has no part in it here. */
function types(call: Call): unknown {
  const { state } = call.world;
  const userid = call.params.text('userid');
  const realm = userid.split('@').at(-1) ?? '';
  if (!state.realms.has(realm)) throw fail(`auth domain '${realm}' does not exist`);
  const found = [...new Set((state.tfa.get(userid) ?? []).map(({ type }) => type))];
  if (call.params.flag('multiple')) return { user: found };
  return found[0] === undefined ? {} : { user: found[0] };
}

const base = '/access/tfa/{userid}';

export const tfaRoutes: Routes = {
  'GET /access/tfa': list,
  [`GET ${base}`]: ({ world, params }) => (world.state.tfa.get(params.text('userid')) ?? []).map(shown),
  [`POST ${base}`]: add,
  [`GET ${base}/{id}`]: (call) => shown(entryOf(call)),
  [`PUT ${base}/{id}`]: update,
  [`DELETE ${base}/{id}`]: remove,
  'GET /access/users/{userid}/tfa': types,
  // Nobody is ever locked out for wrong codes here.
  'PUT /access/users/{userid}/unlock-tfa': ({ world, params }) => {
    if (!world.state.users.has(params.text('userid')))
      throw parameterError({ userid: `no such user ('${params.text('userid')}')` });
    return 0;
  },
};
