import type { Context } from '../context.ts';
import { Api, type Answer } from '../api.ts';
import { DEFAULT_SERVER } from '../context.ts';
import { keepToken } from '../credentials.ts';
import { reference } from '../params/secrets.ts';
import { usage } from '../problem.ts';
import { pairs } from '../render/table.ts';
import { who } from '../render/values.ts';

interface Me {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly class: string;
  readonly environments?: readonly string[] | null;
}

/** Checks a token with the server and keeps it for this user; or turns the one-time link into one. */
export async function login(
  context: Context,
  { token, owner }: { readonly token?: string; readonly owner?: string },
): Promise<void> {
  if (token !== undefined && owner !== undefined) throw usage('Give --token or --owner, not both.');
  const { api, secret } =
    owner === undefined ? { api: context.api, secret: await givenToken(context, token) } : await redeem(context, owner);
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

export async function whoami(context: Context): Promise<void> {
  const me = await context.api.get<Me>('/v1/me');
  await context.show(me, ({ id, name, role, class: kind, environments }) =>
    pairs(
      [
        ['name', name],
        ['id', id],
        ['class', kind],
        ['role', role],
        ['environments', environments?.join(', ') ?? 'all'],
        ['server', context.api.server],
      ],
      context.style,
    ),
  );
}
