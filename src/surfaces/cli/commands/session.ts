import { hostname } from 'node:os';
import type { Context } from '../context.ts';
import { Api, type Answer } from '../api.ts';
import { DEFAULT_SERVER } from '../context.ts';
import { forgetToken, keepToken, requireKeepable } from '../credentials.ts';
import { reference, secretFromFlag } from '../params/secrets.ts';
import { RemoteProblem, usage } from '../problem.ts';
import { pairs } from '../render/table.ts';
import { who } from '../render/values.ts';

interface Me {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly class: string;
  readonly environments?: readonly string[] | null;
  readonly grants?: Readonly<Record<string, string>>;
  readonly actions?: readonly string[];
}

interface LoginOptions {
  readonly token?: string;
  readonly owner?: string;
  readonly name?: string;
  readonly password?: string;
  readonly code?: string;
  readonly expires: string;
}

/** Gets a token (a given one, for the one-time link, or for name and password), checks it and keeps it for this user. */
export async function login(context: Context, options: LoginOptions): Promise<void> {
  const { token, owner, name } = options;
  if ([token, owner, name].filter((one) => one !== undefined).length > 1)
    throw usage('Give one of --name, --token and --owner.');
  requireKeepable(context.io.env);
  const { api, secret } =
    owner !== undefined
      ? await redeem(context, owner)
      : name !== undefined
        ? { api: context.api, secret: await signIn(context, { ...options, name }) }
        : { api: context.api, secret: await givenToken(context, token) };
  const me = await api.as(secret).get<Me>('/v1/me');
  const path = keepToken(context.io.env, secret);
  await context.show(me, (body) => [
    `Signed in at ${api.server} as ${who(body)}, role ${body.role}.`,
    `The token is kept in ${path}, readable by you alone.`,
  ]);
  if (api.server !== context.serverUrl.replace(/\/+$/, '') && api.server !== DEFAULT_SERVER)
    context.note(`From now on: export PROXMOX_AGENT_URL=${api.server}`);
  const winning = ['PROXMOX_AGENT_TOKEN', 'PROXMOX_AGENT_BOOTSTRAP_TOKEN'].find(
    (name) => (context.io.env[name] ?? '') !== '',
  );
  if (winning !== undefined) context.note(`${winning} is set and is used before the token that was just kept.`);
}

/** A token of the person's own; the code is asked for when the server says that one is needed. */
async function signIn(
  context: Context,
  { name, password, code, expires }: LoginOptions & { readonly name: string },
): Promise<string> {
  if (!['1d', '30d', '90d'].includes(expires)) throw usage('--expires must be 1d, 30d or 90d.');
  const body = {
    name,
    password: await secretFromFlag('--password', password, context),
    token: { name: `command line on ${hostname()}`.slice(0, 64), expires_in: expires },
  };
  // Not as whoever was signed in before.
  const api = new Api(context.serverUrl, undefined);
  const send = async (factor: string | undefined): Promise<string> => {
    const sent = factor === undefined ? body : { ...body, factor: factor.trim() };
    return (await api.post<{ token: string }>('/v1/login', sent)).body.token;
  };
  try {
    return await send(code === undefined ? undefined : await codeOf(context, code));
  } catch (error) {
    const needed = error instanceof RemoteProblem && error.problem.code === 'FACTOR_REQUIRED';
    if (!needed || code !== undefined || !context.canAsk) throw error;
    return send(await context.prompt.secret('Code of your authenticator, or a recovery code'));
  }
}

/** A code counts once and for a minute, so it may stand on the command line. */
export const codeOf = async (context: Context, text: string): Promise<string> =>
  text === '-' ? context.stdin('--code') : (reference('--code', text, context.io.env) ?? text);

async function givenToken(context: Context, token: string | undefined): Promise<string> {
  if (token === undefined) {
    if (!context.canAsk)
      throw usage('Which token? Give --token env:NAME, --token file:PATH or --token -, or sign in on a terminal.');
    return context.prompt.secret('API token');
  }
  const value = token === '-' ? await context.stdin('--token') : (reference('--token', token, context.io.env) ?? token);
  const trimmed = value.trim();
  // A newline or a space inside would break the header, or hide what is sent.
  if (!/^[\x21-\x7e]+$/.test(trimmed)) throw usage('--token: that is not a token.');
  return trimmed;
}

/** The link leads to its own server; a code alone to the one that is configured. */
async function redeem(context: Context, owner: string): Promise<{ api: Api; secret: string }> {
  const link = /^https?:/.test(owner) && URL.canParse(owner) ? new URL(owner) : undefined;
  const code = link === undefined ? owner : /(?:^#|[#&?])(?:owner|code)=([^&]+)/.exec(link.hash + link.search)?.[1];
  if (code === undefined) throw usage('--owner: there is no code in this link.');
  const api =
    link === undefined || context.options.server !== undefined ? context.api : new Api(link.origin, undefined);
  const { body } = (await api.post('/v1/owner', { code: decodeURIComponent(code) })) as Answer<{ token: string }>;
  return { api, secret: body.token };
}

/** Ends the token where it is a person's own, and forgets it here in any case. */
export async function logout(context: Context): Promise<void> {
  try {
    await context.api.delete<unknown>('/v1/session');
  } catch (error) {
    // A token that stands for itself is not ended by signing out, and one that has ended needs no end.
    if (!(error instanceof RemoteProblem) || (error.status !== 401 && error.status !== 403)) throw error;
  }
  const kept = forgetToken(context.io.env);
  if (context.json) return context.print('{}');
  context.print(kept === undefined ? 'No token was kept here.' : `Signed out; ${kept} is removed.`);
}

export async function whoami(context: Context): Promise<void> {
  const me = await context.api.get<Me>('/v1/me');
  await context.show(me, ({ id, name, role, class: kind, environments, grants, actions }) =>
    pairs(
      [
        ['name', name],
        ['id', id],
        ['class', kind],
        ['role', role],
        ['environments', grants === undefined ? (environments?.join(', ') ?? 'all') : grantsText(grants)],
        ...(actions === undefined ? [] : [['actions', actions.join(', ')] as const]),
        ['server', context.api.server],
      ],
      context.style,
    ),
  );
}

export const grantsText = (grants: Readonly<Record<string, string>>): string =>
  Object.entries(grants)
    .map(([name, role]) => `${name === '*' ? 'all' : name}: ${role}`)
    .join(', ') || 'none';
