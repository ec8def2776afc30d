import type { Secret } from '../secret.ts';
import { AgentError } from '../errors.ts';
import type { Fetch } from '../config_secrets.ts';

/** How secrets are opened that are neither in a variable nor in a plain file. */
export interface SecretSources {
  readonly vault?: { readonly address: string; readonly token: Secret; /** PEM. */ readonly ca?: string };
  /** Lines of `AGE-SECRET-KEY-1…`. */
  readonly ageIdentity?: Secret;
  /** Seals what is stored; the data key of `keys.json` when left out. 32 characters or more. */
  readonly storeKey?: Secret;
}

/** Fetchers for `vault:` and `age:`; their libraries are loaded when one is asked for. */
export const outsideFetchers = ({ vault, ageIdentity }: SecretSources): Readonly<Record<string, Fetch>> => ({
  vault: async (reference) => {
    if (vault === undefined)
      throw new AgentError(
        'CONFIGURATION_INVALID',
        'no Vault is configured; set secrets.vault, or VAULT_ADDR and VAULT_TOKEN.',
      );
    return (await import('./vault.ts')).readVault(vault, reference);
  },
  age: async (reference) => {
    if (ageIdentity === undefined)
      throw new AgentError(
        'CONFIGURATION_INVALID',
        'no identity is configured; set secrets.age_identity, or PROXMOX_AGENT_AGE_IDENTITY_FILE.',
      );
    return (await import('./age.ts')).readAge(ageIdentity, reference);
  },
});
