import type { Context } from '../context.ts';
import { secretFromFlag } from '../params/secrets.ts';
import { usage } from '../problem.ts';
import { table } from '../render/table.ts';
import { instant } from '../render/values.ts';
import { codeOf } from './session.ts';

interface ProofOptions {
  readonly currentPassword?: string;
  readonly code?: string;
}

interface Me {
  readonly person?: { readonly password: boolean; readonly totp: boolean; readonly passkeys: number };
}

/** What shows that it is the person: a code where there is a second factor, else the password. Asks for what is missing. */
async function proof(context: Context, { currentPassword, code }: ProofOptions): Promise<object> {
  const { person } = (await context.api.get<Me>('/v1/me')).body;
  if (person === undefined)
    throw usage('This token stands for itself and has no account; sign in with `proxmox-agent login --name NAME`.');
  if (person.totp || person.passkeys > 0) {
    if (code === undefined && !context.canAsk)
      throw usage('--code is needed: what your authenticator shows, or a recovery code.');
    const given =
      code === undefined ? await context.prompt.secret('Code of your authenticator') : await codeOf(context, code);
    return { factor: given.trim() };
  }
  if (!person.password) return {};
  return { current_password: await secretFromFlag('--current-password', currentPassword, context) };
}

export async function setPassword(
  context: Context,
  { password, ...rest }: ProofOptions & { readonly password?: string },
): Promise<void> {
  const proven = await proof(context, rest);
  const wanted = await secretFromFlag('--password', password, context);
  const answer = await context.api.put<unknown>('/v1/me/password', { ...proven, password: wanted });
  await context.show(answer, () => ['The password is set; other sessions have ended.']);
}

const codesLines = (codes: readonly string[] | undefined): string[] =>
  codes === undefined
    ? []
    : ['Recovery codes, each good once; they are shown this once:', ...codes.map((code) => `  ${code}`)];

/** Shows the secret, asks for a code of the authenticator that got it, and turns it on. */
export async function setUpTotp(
  context: Context,
  options: ProofOptions & { readonly remove?: boolean },
): Promise<void> {
  const proven = await proof(context, options);
  if (options.remove === true) {
    const answer = await context.api.post<unknown>('/v1/me/totp/remove', proven);
    return context.show(answer, () => ['The authenticator is removed.']);
  }
  if (!context.canAsk)
    throw usage('An authenticator is set up on a terminal or on the page; programs use POST /v1/me/totp.');
  const { secret, uri } = (await context.api.post<{ secret: string; uri: string }>('/v1/me/totp', proven)).body;
  const { renderUnicodeCompact } = await import('uqr');
  context.print([
    'Scan this with your authenticator:',
    ...renderUnicodeCompact(uri, { border: 2 }).split('\n'),
    'or enter the secret:',
    `  ${secret}`,
    'or open this address with it:',
    `  ${uri}`,
  ]);
  const code = await context.prompt.secret('The code that it shows now');
  const answer = await context.api.post<{ recovery_codes?: string[] }>('/v1/me/totp/confirm', { code });
  await context.show(answer, ({ recovery_codes }) => [
    'The authenticator counts from now on.',
    ...codesLines(recovery_codes),
  ]);
}

export async function renewRecovery(context: Context, options: ProofOptions): Promise<void> {
  const body = await proof(context, options);
  const answer = await context.api.post<{ recovery_codes: string[] }>('/v1/me/recovery-codes', body);
  await context.show(answer, ({ recovery_codes }) => codesLines(recovery_codes));
}

interface PasskeyRow {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly created_at: string;
  readonly last_used_at?: string | null;
}

export async function listPasskeys(context: Context): Promise<void> {
  const answer = await context.api.get<{ passkeys: PasskeyRow[] }>('/v1/me/passkeys');
  await context.show(answer, async ({ passkeys }) => {
    if (passkeys.length === 0) return ['No passkeys; they are added on the page.'];
    const rows = passkeys.map(({ name, host, created_at, last_used_at }) => [
      name,
      host,
      instant(created_at),
      last_used_at ? instant(last_used_at) : 'never',
    ]);
    return table(['NAME', 'FOR', 'ADDED', 'USED'], rows, { width: context.width, style: context.style, flex: 0 });
  });
}

interface SessionRow {
  readonly id: string;
  readonly method: string;
  readonly client: string;
  readonly address: string;
  readonly seen_at: string;
  readonly current: boolean;
}

export async function listSessions(context: Context): Promise<void> {
  const answer = await context.api.get<{ sessions: SessionRow[] }>('/v1/sessions');
  await context.show(answer, async ({ sessions }) => {
    if (sessions.length === 0) return ['No sessions.'];
    const rows = sessions.map(({ id, method, client, address, seen_at }) => [
      id,
      method,
      address,
      instant(seen_at),
      client,
    ]);
    return table(['ID', 'BY', 'FROM', 'SEEN', 'CLIENT'], rows, { width: context.width, style: context.style });
  });
}

export async function revokeSession(context: Context, _: object, id: string): Promise<void> {
  const answer = await context.api.delete<unknown>(`/v1/sessions/${encodeURIComponent(id)}`);
  await context.show(answer, () => [`Ended: ${id}.`]);
}
