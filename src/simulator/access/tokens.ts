import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { Token } from '../state/types.ts';
import { change, userById } from './users.ts';

const shown = ({ privsep, expire, comment }: Token): Record<string, unknown> => ({
  privsep,
  expire,
  ...(comment === undefined ? {} : { comment }),
});

const keyOf = (call: Call): string => `${call.params.text('userid')}!${call.params.text('tokenid')}`;

function tokenOf(call: Call): Token {
  const token = call.world.state.tokens.get(keyOf(call));
  if (token === undefined)
    throw fail(`no such token '${call.params.text('tokenid')}' for user '${call.params.text('userid')}'`);
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
  return change('generating token', () => {
    const { userid } = userById(state, call.params.text('userid'));
    if (state.tokens.has(keyOf(call))) throw fail('Token already exists.');
    const token: Token = {
      userid,
      tokenid: call.params.text('tokenid'),
      privsep: 1,
      expire: 0,
      secret: call.world.uuid(),
    };
    setFields(call, token);
    state.tokens.set(keyOf(call), token);
    const info = shown(token);
    if (call.params.has('privsep')) info.privsep = String(token.privsep);
    return { 'full-tokenid': keyOf(call), value: token.secret, info };
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
  [`PUT ${base}/{tokenid}`]: (call) => {
    const token = tokenOf(call);
    setFields(call, token);
    return shown(token);
  },
  [`DELETE ${base}/{tokenid}`]: (call) => {
    tokenOf(call);
    const { state } = call.world;
    state.tokens.delete(keyOf(call));
    state.acl = state.acl.filter(({ type, ugid }) => !(type === 'token' && ugid === keyOf(call)));
    return null;
  },
};
