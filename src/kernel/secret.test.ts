import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { canonicalJson } from './canonical.ts';
import { hasSecret, mapSecrets, redact, REDACTED, Secret, secretText } from './secret.ts';

const VALUE = 'correct-horse-battery';
const secret = new Secret(VALUE);

describe('a secret', () => {
  it.each([
    ['JSON', () => JSON.stringify({ a: [secret] })],
    ['canonical JSON', () => canonicalJson({ a: secret })],
    ['a template', () => `it is ${String(secret)}`],
    ['joining texts', () => ['a', secret].join(' ')],
    ['console.log', () => format('%s %o %O %j', secret, secret, { secret }, secret)],
    ['inspecting all there is', () => inspect({ secret }, { showHidden: true, depth: null, getters: true })],
    ['an error that names it', () => new Error(`bad ${String(secret)}`).stack ?? ''],
    ['its own members', () => JSON.stringify([Object.keys(secret), Object.entries(secret)])],
    ['a copy', () => inspect(Object.assign({}, secret))],
  ])('is not shown by %s', (_where, show) => {
    expect(show()).not.toContain(VALUE);
  });

  it('is not shown in a log line', () => {
    let written = '';
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        written += chunk.toString();
        done();
      },
    });
    pino(stream).info({ secret, nested: [{ secret }] }, `with ${String(secret)}`);
    expect(written).toContain(REDACTED);
    expect(written).not.toContain(VALUE);
  });

  it('is shown to who asks for it by name', () => {
    expect(secret.reveal()).toBe(VALUE);
  });

  it('has a fingerprint that tells it from another, under one key only', () => {
    const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    expect(secret.fingerprint(one)).toMatch(/^[0-9a-f]{32}$/);
    expect(secret.fingerprint(one)).toBe(new Secret(VALUE).fingerprint(one));
    expect(secret.fingerprint(one)).not.toBe(new Secret('other').fingerprint(one));
    expect(secret.fingerprint(one)).not.toBe(secret.fingerprint(two));
  });
});

describe('a value with secrets in it', () => {
  const value = { a: [{ b: secret }], c: 1, d: null };

  it('is copied with each of them replaced', () => {
    expect(redact(value)).toEqual({ a: [{ b: REDACTED }], c: 1, d: null });
    expect(mapSecrets(value, (one) => one.reveal().length)).toEqual({ a: [{ b: 21 }], c: 1, d: null });
    expect(value.a[0]?.b).toBe(secret);
  });

  it('is recognised', () => {
    expect(hasSecret(value)).toBe(true);
    expect(hasSecret({ a: REDACTED })).toBe(false);
  });
});

describe('the schema of a secret', () => {
  const schema = z.strictObject({ password: secretText('The password.') });

  it('turns text into a secret and marks the field for forms and docs', () => {
    expect(schema.parse({ password: VALUE }).password).toBeInstanceOf(Secret);
    expect(z.toJSONSchema(schema, { io: 'input' }).properties?.['password']).toMatchObject({
      type: 'string',
      secret: true,
      writeOnly: true,
      description: 'The password.',
    });
  });

  it('does not repeat a wrong value in its error', () => {
    const short = z.strictObject({ pin: secretText('A PIN.', z.string().min(50)) });
    expect(JSON.stringify(short.safeParse({ pin: VALUE }).error?.issues)).not.toContain(VALUE);
  });
});
