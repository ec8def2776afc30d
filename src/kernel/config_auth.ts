import { z } from 'zod';
import { AgentError } from './errors.ts';
import type { Secret } from './secret.ts';

/** An OpenID Connect provider that people may sign in at. */
export interface OidcProvider {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scopes: readonly string[];
  /** The claim whose values are looked up in `roles`. */
  readonly claim: string;
  /** Role by environment, for each value of the claim. */
  readonly roles: Readonly<Record<string, Readonly<Record<string, 'viewer' | 'operator' | 'approver' | 'admin'>>>>;
}

export interface AuthConfig {
  readonly oidc: readonly OidcProvider[];
  /** Milliseconds. */
  readonly sessions: { readonly idle: number; readonly absolute: number };
  /** Where browsers reach us, when that is not what they say themselves. */
  readonly publicUrl: string | undefined;
  /** Addresses and networks of proxies whose word about the caller's address counts. */
  readonly trustedProxies: readonly string[];
}

const HOUR_MS = 3_600_000;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS };
const span = z
  .string()
  .regex(/^[1-9]\d{0,3}[mhd]$/, 'must be a number with m, h or d, such as 12h')
  .transform((text) => Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? 0));
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const address = z
  .string()
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  }, 'must be an https:// address (http:// for loopback only)')
  .transform((text) => text.replace(/\/+$/, ''));
const role = z.enum(['viewer', 'operator', 'approver', 'admin'], 'must be viewer, operator, approver or admin');
const environment = z.string().regex(/^(\*|[a-z][a-z0-9-]{0,31})$/, 'must be the name of an environment or *');

const providerSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits and hyphens'),
  issuer: address,
  client_id: z.string().min(1),
  client_secret: z.string(),
  scopes: z.array(z.string().min(1)).default(['openid', 'profile']),
  claim: z.string().min(1).default('groups'),
  roles: z.record(z.string().min(1), z.record(environment, role)),
});
export const authSchema = z.strictObject({
  oidc: z.array(providerSchema).default([]),
  session_idle: span.default(12 * HOUR_MS),
  session_absolute: span.default(7 * 24 * HOUR_MS),
  public_url: address.optional(),
  trusted_proxies: z
    .array(z.string().regex(/^[0-9a-fA-F:.]+(\/\d{1,3})?$/, 'must be an address or a network such as 10.0.0.0/8'))
    .default([]),
});

/** What holds where the file says nothing about it. */
export const DEFAULT_AUTH: AuthConfig = {
  oidc: [],
  sessions: { idle: 12 * HOUR_MS, absolute: 7 * 24 * HOUR_MS },
  publicUrl: undefined,
  trustedProxies: [],
};

/** `secretOf` reads a reference such as `env:NAME`. Errors: `CONFIGURATION_INVALID` naming the setting. */
export function readAuth(
  raw: z.output<typeof authSchema> | undefined,
  secretOf: (reference: string, where: string) => Secret,
): AuthConfig {
  if (raw === undefined) return DEFAULT_AUTH;
  const names = raw.oidc.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new AgentError('CONFIGURATION_INVALID', `Two identity providers are named ${twice}.`);
  return {
    oidc: raw.oidc.map(({ client_id, client_secret, scopes, ...one }) => ({
      ...one,
      clientId: client_id,
      clientSecret: secretOf(client_secret, `auth: oidc ${one.name}: client_secret`),
      // Without it the answer carries no identity at all.
      scopes: [...new Set(['openid', ...scopes])],
    })),
    sessions: { idle: raw.session_idle, absolute: raw.session_absolute },
    publicUrl: raw.public_url,
    trustedProxies: raw.trusted_proxies,
  };
}
