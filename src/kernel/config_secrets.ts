import type { Config, EnvironmentConfig } from './config.ts';
import type { AuthConfig } from './config_auth.ts';
import { AgentError } from './errors.ts';
import { mapSecrets, PendingSecret, Secret } from './secret.ts';

/** Fetches what a reference names. Errors: any `AgentError`; its words are shown and hold no secret. */
export type Fetch = (reference: string) => Promise<string>;

const invalid = (message: string, cause?: unknown): AgentError =>
  new AgentError('CONFIGURATION_INVALID', message, cause === undefined ? {} : { cause });

export const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);

/**
 * The configuration with the references of the kinds that `fetchers` knows turned into secrets; others stay as they are
 * for a later step. Errors: `CONFIGURATION_INVALID` naming the setting and the reference, never a value.
 */
export async function resolveSecrets(config: Config, fetchers: Readonly<Record<string, Fetch>>): Promise<Config> {
  const wanted = new Map<string, PendingSecret>();
  mapSecrets(config, (secret) => {
    if (secret instanceof PendingSecret && kindOf(secret) in fetchers) wanted.set(secret.reference, secret);
    return secret;
  });
  const found = new Map<string, Secret>();
  for (const [reference, { setting }] of wanted) {
    const fetch = fetchers[kindOf({ reference })] as Fetch;
    try {
      found.set(reference, new Secret(await fetch(reference)));
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      throw invalid(`${setting}: ${reference}: ${error.message}`);
    }
  }
  return mapSecrets(config, (secret) =>
    secret instanceof PendingSecret ? (found.get(secret.reference) ?? secret) : secret,
  ) as Config;
}

const kindOf = ({ reference }: Pick<PendingSecret, 'reference'>): string => reference.split(':')[0] ?? '';

/** Two environments with one token would let a mistake in one reach the other. Errors: `CONFIGURATION_INVALID`. */
export function checkTokenIds(environments: readonly EnvironmentConfig[]): void {
  const names = new Set<string>();
  const tokens = new Map<string, string>();
  for (const { name, auth } of environments) {
    if (names.has(name)) throw invalid(`Two environments are named ${name}.`);
    names.add(name);
    if (auth === undefined || !('token' in auth)) continue;
    const other = tokens.get(auth.token.id);
    if (other !== undefined)
      throw invalid(`environments ${other} and ${name} share the token id ${auth.token.id}; give each its own.`);
    tokens.set(auth.token.id, name);
  }
}

/**
 * What Node itself would verify no more: identity providers above all, whose word lets people in. Errors:
 * `CONFIGURATION_INVALID`.
 */
export function checkVerifying(
  value: string | undefined,
  { environments, auth }: { readonly environments: readonly EnvironmentConfig[]; readonly auth: AuthConfig },
): void {
  const wanted = environments.find(({ production }) => production)?.name ?? auth.oidc[0]?.name;
  if (value !== '0' || wanted === undefined) return;
  throw invalid(`NODE_TLS_REJECT_UNAUTHORIZED=0 turns off what ${wanted} relies on; name a CA instead, and unset it.`);
}

/** The same for what stands behind the references, once it is known. Errors: `CONFIGURATION_INVALID`. */
export function checkSecretsApart({ environments }: Pick<Config, 'environments'>): void {
  const seen = new Map<string, string>();
  for (const { name, auth, ssh } of environments) {
    const own = [
      ...(auth === undefined
        ? []
        : [['credential', 'token' in auth ? auth.token.secret : auth.ticket.password] as const]),
      ...(ssh === undefined ? [] : [['SSH key', ssh.key] as const]),
    ];
    for (const [what, secret] of own) {
      const other = seen.get(secret.reveal());
      if (other !== undefined && other !== name)
        throw invalid(`environments ${other} and ${name} have the same secret as their ${what}; give each its own.`);
      seen.set(secret.reveal(), name);
    }
  }
}
