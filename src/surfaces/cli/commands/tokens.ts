import { REDACTED } from '../../../kernel/secret.ts';
import type { Context } from '../context.ts';
import { usage } from '../problem.ts';
import { table } from '../render/table.ts';
import { instant } from '../render/values.ts';
import { lostWithAnswer, postOnce } from './once.ts';

interface CreateOptions {
  readonly name: string;
  readonly role: string;
  readonly class: string;
  readonly env?: readonly string[];
  readonly action?: readonly string[];
  readonly own?: boolean;
  readonly expires?: string;
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly class: string;
  readonly environments?: readonly string[] | null;
  readonly expires_at?: number | string | null;
  readonly last_used_at?: number | string | null;
  readonly revoked_at?: number | string | null;
  readonly actions?: readonly string[];
  readonly person?: string;
}

const ROLES = ['viewer', 'operator', 'approver', 'admin'];
const CLASSES = ['human', 'service', 'agent'];

function oneOf(flag: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw usage(`${flag} must be one of ${known.join(', ')}.`);
}

/** The token itself goes to the standard output once, alone on its line; the server keeps only a hash of it. */
export async function createToken(
  context: Context,
  { name, role, class: kind, env, action, own, expires }: CreateOptions,
): Promise<void> {
  oneOf('--role', role, ROLES);
  oneOf('--class', kind, CLASSES);
  if (expires !== undefined && !/^[1-9]\d*[mhdw]$/.test(expires))
    throw usage('--expires must be a number with m, h, d or w, such as 90d.');
  const body = {
    name,
    role,
    class: kind,
    ...(env === undefined ? {} : { environments: env }),
    ...(action === undefined ? {} : { actions: action }),
    ...(expires === undefined ? {} : { expires_in: expires }),
  };
  const to = own === true ? '/v1/me/tokens' : '/v1/tokens';
  const answer = await postOnce<TokenRow & { token: string }>(context, to, body);
  const { id, token: shown } = answer.body;
  if (shown === REDACTED)
    throw lostWithAnswer(
      `The token ${name} was made`,
      `Revoke it with \`proxmox-agent token revoke ${id}\`, and make another.`,
    );
  if (!context.json) context.note(`The token of ${name} (${kind}, ${role}); it is shown this once:`);
  await context.show(answer, ({ token }) => [token]);
}

export async function listTokens(context: Context): Promise<void> {
  const answer = await context.api.get<{ tokens: TokenRow[] }>('/v1/tokens');
  await context.show(answer, async ({ tokens }) => {
    if (tokens.length === 0) return ['No tokens.'];
    const rows = tokens.map((token) => [
      token.id,
      token.name,
      token.role,
      token.class,
      token.environments?.join(', ') ?? 'all',
      token.actions?.join(', ') ?? 'all',
      token.person ?? '',
      token.last_used_at ? instant(token.last_used_at) : 'never',
      token.revoked_at ? context.style.red('revoked') : token.expires_at ? instant(token.expires_at) : 'never',
    ]);
    return table(['ID', 'NAME', 'ROLE', 'CLASS', 'ENVIRONMENTS', 'ACTIONS', 'WHOSE', 'LAST USE', 'EXPIRES'], rows, {
      width: context.width,
      style: context.style,
      flex: 1,
    });
  });
}

export async function revokeToken(context: Context, _options: object, id: string): Promise<void> {
  const answer = await context.api.delete<unknown>(`/v1/tokens/${encodeURIComponent(id)}`);
  await context.show(answer, () => [`Revoked: ${id}.`]);
}
