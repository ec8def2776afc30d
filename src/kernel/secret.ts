import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { z } from 'zod';

export const REDACTED = '[redacted]';

/**
 * A value that must not be seen. It turns into `[redacted]` in JSON, in templates and in logs by itself, so nobody has
 * to remember to hide it; only the code that sends it to PVE calls `reveal()`.
 */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  /** Tells two secrets apart without telling either: a keyed hash, useless to who does not have the key. */
  fingerprint(key: Uint8Array): string {
    return createHmac('sha256', key).update(this.#value).digest('hex').slice(0, 32);
  }
  toString(): string {
    return REDACTED;
  }
  toJSON(): string {
    return REDACTED;
  }
  [inspect.custom](): string {
    return REDACTED;
  }
}

/**
 * A secret that is named and not fetched yet. What is constructed from it before that is a mistake of ours, and says so
 * without a value to show.
 */
export class PendingSecret extends Secret {
  /** Such as `vault:secret/home#token`. */
  readonly reference: string;
  /** The setting that names it. */
  readonly setting: string;
  constructor(reference: string, setting: string) {
    super('');
    this.reference = reference;
    this.setting = setting;
  }
  override reveal(): string {
    throw new Error(`${this.setting}: ${this.reference} was not fetched`);
  }
}

/** The schema of a secret parameter: text in, `Secret` out; marked in JSON Schema, so forms and docs hide it too. */
export const secretText = (description: string, schema: z.ZodString = z.string().min(1)) =>
  schema.meta({ description, secret: true, writeOnly: true, format: 'password' }).transform((text) => new Secret(text));

/** A copy in which every `Secret` is replaced by what `replace` makes of it. */
export function mapSecrets(value: unknown, replace: (secret: Secret) => unknown): unknown {
  if (value instanceof Secret) return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapSecrets(item, replace));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapSecrets(item, replace)]));
  }
  return value;
}

export const redact = (value: unknown): unknown => mapSecrets(value, () => REDACTED);

export function hasSecret(value: unknown): boolean {
  let found = false;
  mapSecrets(value, () => (found = true));
  return found;
}
