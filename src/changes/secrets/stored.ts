import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Ids } from '../../kernel/ids.ts';
import type { Secret } from '../../kernel/secret.ts';
import type { Audit } from '../../record/index.ts';
import {
  deleteStoredSecret,
  getSetting,
  listStoredSecrets,
  putSetting,
  putStoredSecret,
  seal,
  unseal,
  type Keys,
  type Store,
  type StoredSecretRecord,
  type StoreReader,
} from '../../store/index.ts';
import { actorOf, requireEverywhere, requireRole, type Principal } from '../../identity/index.ts';
import { storeKeyFrom, type StoreKey } from './keys.ts';

export const secretName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be lower-case letters, digits, ".", "_" and "-"');
export const secretValueSchema = z.strictObject({
  value: z
    .string()
    .min(1)
    .max(65_536)
    .meta({ description: 'The secret; never shown again.', writeOnly: true, format: 'password' }),
});
export const rotateSchema = z.strictObject({
  to: z
    .string()
    .regex(/^((env|file):.+|keys)$/, 'must be env:NAME, file:PATH or keys')
    .describe('The new key, by reference.'),
});

export interface SecretStoreDeps {
  readonly store: Store;
  readonly keys: Keys;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly ids: Ids;
  /** From the configuration; the data key of this installation when left out. */
  readonly configured: Secret | undefined;
  /** Reads `env:NAME` and `file:PATH` on this machine. Errors: `CONFIGURATION_INVALID`. */
  readonly resolve: (reference: string) => Secret;
  /** Names that the configuration uses. */
  readonly used: ReadonlySet<string>;
}

/** Which key holds; written in the transaction that seals with it, so that a crash leaves the one or the other. */
interface KeyInForce {
  readonly key_id: string;
  /** Where `rotate-key` got it from. */
  readonly from?: string;
}
const SETTING = 'stored_secrets.key';
const contextOf = (name: string): string => `stored secret ${name}`;

/** Secrets that are kept in the database, each sealed for its own name. No method but `read` gives one away. */
export class SecretStore {
  readonly #deps: SecretStoreDeps;
  #key: StoreKey;

  private constructor(deps: SecretStoreDeps, key: StoreKey) {
    this.#deps = deps;
    this.#key = key;
  }

  /** With the key that the database was sealed with. Errors: `CONFIGURATION_INVALID` when none that is known is it. */
  static async open(deps: SecretStoreDeps): Promise<SecretStore> {
    const inForce = await keyInForce(deps.store);
    const own = [
      ...(deps.configured === undefined ? [] : [storeKeyFrom(deps.configured)]),
      storeKeyFrom(deps.keys.data),
    ];
    const fits = own.find(({ id }) => inForce === undefined || id === inForce.key_id);
    if (fits !== undefined) return new SecretStore(deps, fits);
    const rotated = inForce?.from === undefined ? undefined : keyAt(deps, inForce.from);
    if (rotated !== undefined && rotated.id === inForce?.key_id) return new SecretStore(deps, rotated);
    throw new AgentError(
      'CONFIGURATION_INVALID',
      `Stored secrets are sealed with the key ${inForce?.key_id}${inForce?.from === undefined ? '' : ` (${inForce.from})`}, and PROXMOX_AGENT_SECRET_KEY, or keys.json, is another one.`,
    );
  }

  /** The value of `stored:NAME`, for the configuration alone. Errors: `NOT_FOUND`. */
  async read(reference: string): Promise<string> {
    const name = reference.replace(/^stored:/, '');
    const found = (await listStoredSecrets(this.#deps.store)).find((one) => one.name === name);
    if (found === undefined)
      throw new AgentError(
        'NOT_FOUND',
        `no secret of this name is stored; set it with \`proxmox-agent secret set ${name}\`.`,
      );
    return unseal(this.#key.bytes, contextOf(name), found.blob);
  }

  /** Names and times, for people. Errors: `FORBIDDEN`. */
  async list(principal: Principal): Promise<Record<string, unknown>[]> {
    requireKeeper(principal);
    return (await listStoredSecrets(this.#deps.store)).map((one) => view(one, this.#deps.used));
  }

  /** A new value, in use from the next start on. Errors: `FORBIDDEN`, `VALIDATION_FAILED`. */
  async set(name: string, value: string, principal: Principal): Promise<Record<string, unknown>> {
    requireKeeper(principal);
    const { store, clock, ids, audit, used } = this.#deps;
    return store.commit(async (trx) => {
      const at = clock.now();
      await this.#requireKey(trx);
      await putSetting(trx, SETTING, (await keyInForce(trx)) ?? { key_id: this.#key.id }, at);
      const known = (await listStoredSecrets(trx)).find((one) => one.name === name);
      const blob = seal(this.#key.bytes, ids, contextOf(name), value);
      const by = actorOf(principal);
      const times = { created_at: known?.created_at ?? at, updated_at: at };
      const made: StoredSecretRecord = { name, blob, key_id: this.#key.id, ...times, updated_by: by };
      await putStoredSecret(trx, made);
      await audit.append(trx, {
        actor: by,
        event: known === undefined ? 'secret.set' : 'secret.replaced',
        ids: { secret: name },
      });
      return view(made, used);
    });
  }

  /** Errors: `NOT_FOUND`, `FORBIDDEN`, `OBLIGATION_UNMET` while the configuration names it. */
  async remove(name: string, principal: Principal): Promise<void> {
    requireKeeper(principal);
    const { store, audit, used } = this.#deps;
    if (used.has(name))
      throw new AgentError(
        'OBLIGATION_UNMET',
        `The configuration uses stored:${name}; take it out there and restart first.`,
      );
    await store.commit(async (trx) => {
      if (!(await deleteStoredSecret(trx, name)))
        throw new AgentError('NOT_FOUND', `There is no stored secret ${name}.`);
      await audit.append(trx, { actor: actorOf(principal), event: 'secret.removed', ids: { secret: name } });
    });
  }

  /**
   * Seals everything anew with the key at `to`, in one transaction with the word which key holds. Answers how many.
   * Errors: `FORBIDDEN`, `CONFIGURATION_INVALID` when there is no key at `to`.
   */
  async rotate(to: string, principal: Principal): Promise<{ readonly secrets: number; readonly key_id: string }> {
    requireKeeper(principal);
    const { store, clock, ids, audit } = this.#deps;
    const next = keyAt(this.#deps, to);
    return store.commit(async (trx) => {
      await this.#requireKey(trx);
      const all = await listStoredSecrets(trx);
      for (const one of all) {
        const value = unseal(this.#key.bytes, contextOf(one.name), one.blob);
        await putStoredSecret(trx, {
          ...one,
          blob: seal(next.bytes, ids, contextOf(one.name), value),
          key_id: next.id,
        });
      }
      await putSetting(trx, SETTING, { key_id: next.id, from: to } satisfies KeyInForce, clock.now());
      const payload = { from: this.#key.id, to: next.id, reference: to, secrets: all.length };
      await audit.append(trx, { actor: actorOf(principal), event: 'secret.key_rotated', payload });
      trx.onCommit(() => {
        this.#key = next;
      });
      return { secrets: all.length, key_id: next.id };
    });
  }

  /** Another replica may have rotated the key since this one started. */
  async #requireKey(reader: StoreReader): Promise<void> {
    const inForce = await keyInForce(reader);
    if (inForce === undefined || inForce.key_id === this.#key.id) return;
    throw new AgentError(
      'CONFIGURATION_INVALID',
      'The key of stored secrets was changed by another replica; restart this one.',
    );
  }
}

const keyInForce = async (reader: StoreReader): Promise<KeyInForce | undefined> =>
  ((await getSetting(reader, SETTING)) ?? undefined) as KeyInForce | undefined;

function keyAt({ keys, resolve }: SecretStoreDeps, reference: string): StoreKey {
  if (reference === 'keys') return storeKeyFrom(keys.data);
  const secret = resolve(reference);
  if (secret.reveal().length < 32)
    throw new AgentError('CONFIGURATION_INVALID', `${reference}: a key must have 32 characters or more.`);
  return storeKeyFrom(secret);
}

/** Who can set a credential can make the control plane use it: that is a person's and an admin's. */
function requireKeeper(principal: Principal): void {
  requireRole(principal, 'admin');
  requireEverywhere(principal, 'admin');
  if (principal.class !== 'human') throw new AgentError('FORBIDDEN', 'Only a person can see or change stored secrets.');
}

const view = ({ name, created_at, updated_at, updated_by }: StoredSecretRecord, used: ReadonlySet<string>) => ({
  name,
  reference: `stored:${name}`,
  used: used.has(name),
  created_at: new Date(created_at).toISOString(),
  updated_at: new Date(updated_at).toISOString(),
  updated_by,
});
