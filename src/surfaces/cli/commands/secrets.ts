import type { Context } from '../context.ts';
import { usage } from '../problem.ts';
import { table } from '../render/table.ts';
import { instant } from '../render/values.ts';

interface SecretRow {
  readonly name: string;
  readonly reference: string;
  readonly used: boolean;
  readonly updated_at: string;
}

const path = (name: string): string => `/v1/secrets/${encodeURIComponent(name)}`;

/** The value comes from a prompt or the standard input; on the command line every process of the machine could read it. */
export async function setSecret(context: Context, _options: object, name: string): Promise<void> {
  const value = context.canAsk
    ? await context.prompt.secret(`Value for ${name}`)
    : (await context.stdin('secret set')).replace(/\r?\n$/, '');
  if (value === '') throw usage('The value is empty; give it on the standard input.');
  const answer = await context.api.put<SecretRow>(path(name), { value });
  await context.show(answer, ({ reference }) => [
    `Stored. Name it as ${reference}; it is used from the next start on.`,
  ]);
}

export async function listSecrets(context: Context): Promise<void> {
  const answer = await context.api.get<{ secrets: SecretRow[] }>('/v1/secrets');
  await context.show(answer, async ({ secrets }) => {
    if (secrets.length === 0) return ['No stored secrets.'];
    const rows = secrets.map(({ reference, used, updated_at }) => [
      reference,
      used ? 'used' : 'not used',
      instant(updated_at),
    ]);
    return table(['SECRET', 'CONFIGURATION', 'SET'], rows, context);
  });
}

export async function removeSecret(context: Context, _options: object, name: string): Promise<void> {
  await context.show(await context.api.delete<unknown>(path(name)), () => [`Removed: ${name}.`]);
}

export async function rotateKey(context: Context, { to }: { readonly to: string }): Promise<void> {
  if (!/^((env|file):.+|keys)$/.test(to))
    throw usage('--to must be env:NAME, file:PATH or keys, as the server sees it.');
  const answer = await context.api.post<{ secrets: number; key_id: string }>('/v1/secrets/rotate-key', { to });
  await context.show(answer, ({ secrets, key_id }) => [
    `${secrets === 1 ? '1 secret is' : `${secrets} secrets are`} sealed with the key ${key_id} now. The server has to find it at ${to} at every start.`,
  ]);
}
