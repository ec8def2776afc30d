import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { Token } from '../state/types.ts';
import { change, userById } from './users.ts';

const shown = ({ privsep, expire, comment }: Token): Record<string, unknown> => ({
  privsep,
  expire,
  ...(comment === undefined ? {} : { comment }),
});

/** PVE's words for a token that is not there. */
export function noSuchToken(key: string): string {
  const [user = '', token = ''] = key.split('!');
  return `no such token '${token}' for user '${user}'`;
}

const keyOf = (call: Call): string => `${call.params.text('userid')}!${call.params.text('tokenid')}`;

function tokenOf(call: Call): Token {
  const token = call.world.state.tokens.get(keyOf(call));
  if (token === undefined) throw fail(noSuchToken(keyOf(call)));
  return token;
}

function setFields(call: Call, token: Token): void {
  const { params } = call;
  if (params.has('privsep')) token.privsep = params.number('privsep');
  if (params.has('expire')) token.expire = params.number('expire');
  if (params.has('comment')) token.comment = params.text('comment');
}

/** The secret is told once; `privsep` comes back as a text when it was sent (FACTS 15). */
function create(call: Call): unknown {
  const { state } = call.world;
  const { userid } = userById(state, call.params.text('userid'));
  if (state.tokens.has(keyOf(call))) throw parameterError({ tokenid: 'Token already exists.' });
  return change('generating token', () => {
    const token: Token = {
      userid,
      tokenid: call.params.text('tokenid'),
      privsep: 1,
      expire: 0,
      secret: call.world.uuid(),
    };
    setFields(call, token);
    state.tokens.set(keyOf(call), token);
    const { expire: _expire, ...info } = shown(token);
    for (const name of ['privsep', 'expire'] as const) if (call.params.has(name)) info[name] = String(token[name]);
    return { 'full-tokenid': keyOf(call), value: token.secret, info };
  });
}

/** Only the comment can be removed. A new secret is told once, as at the beginning. */
function update(call: Call): unknown {
  const token = tokenOf(call);
  return change('updating token info', () => {
    const unknown = splitList(call.params.maybe('delete') ?? '').find((name) => name !== 'comment');
    if (unknown !== undefined) throw parameterError({ delete: `unknown option '${unknown}'` });
    setFields(call, token);
    if (call.params.has('delete') || token.comment === '') delete token.comment;
    if (!call.params.flag('regenerate')) return shown(token);
    token.secret = call.world.uuid();
    return { ...shown(token), value: token.secret, 'full-tokenid': keyOf(call) };
  });
}

const base = '/access/users/{userid}/token';

export const tokenRoutes: Routes = {
  [`GET ${base}`]: ({ world, params }) => {
    const { userid } = userById(world.state, params.text('userid'));
    return [...world.state.tokens.values()]
      .filter((token) => token.userid === userid)
      .map((token) => ({ tokenid: token.tokenid, ...shown(token) }));
  },
  [`POST ${base}/{tokenid}`]: create,
  [`GET ${base}/{tokenid}`]: (call) => shown(tokenOf(call)),
  [`PUT ${base}/{tokenid}`]: update,
  [`DELETE ${base}/{tokenid}`]: (call) => {
    tokenOf(call);
    return change('deleting token', () => {
      const { state } = call.world;
      state.tokens.delete(keyOf(call));
      state.acl = state.acl.filter(({ type, ugid }) => !(type === 'token' && ugid === keyOf(call)));
      return null;
    });
  },
};
