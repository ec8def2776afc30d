import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { isAgentError } from '../kernel/errors.ts';
import { closedPort, open, pem, rejection, serve, serveSilence, TOKEN } from './fixtures/servers.ts';
import { normaliseFingerprint, probeFingerprint } from './tls.ts';
import { createTransport } from './transport.ts';

const ok = () => ({ body: { data: { version: '9.2' } } });
const pinOf = (name: string): string => new X509Certificate(pem(`${name}.pem`)).fingerprint256;
const version = { method: 'GET', path: '/version' } as const;

test('a pinned self-signed certificate is accepted, in any spelling of the pin', async () => {
  const server = await serve(ok, 'self');
  const pin = pinOf('self');
  for (const fingerprint of [pin, pin.toLowerCase(), pin.replaceAll(':', ''), `SHA256:${pin}`, [pinOf('one'), pin]]) {
    expect(await open([server.url], { tls: { fingerprint } })(version)).toMatchObject({ status: 200 });
  }
});

test('another certificate than the pinned one never sees the request, even one that the CA signed', async () => {
  const server = await serve(ok, 'two');
  for (const request of [version, { method: 'POST', path: '/pools' } as const]) {
    const error = await rejection(open([server.url], { tls: { fingerprint: pinOf('one') } })(request));
    expect(error).toMatchObject({
      code: 'PVE_UNREACHABLE',
      details: { more: { sent: 'no', kind: 'tls', fingerprint: { seen: pinOf('two'), expected: pinOf('one') } } },
    });
    expect(String(error)).toContain(pinOf('two'));
    expect(String(error)).toContain(pinOf('one'));
  }
  expect(server.connections()).toBe(2);
  expect(server.received).toEqual([]);
});

test('the pin is checked on every connection, not only on the first', async () => {
  const server = await serve(() => ({ ...ok(), headers: { connection: 'close' } }), 'self');
  const transport = open([server.url], { tls: { fingerprint: pinOf('self') } });
  for (let count = 0; count < 3; count++) expect(await transport(version)).toMatchObject({ status: 200 });
  expect(server.connections()).toBe(3);
});

test('a CA is believed for the names in the certificate only', async () => {
  expect(await open([(await serve(ok, 'one')).url])(version)).toMatchObject({ status: 200 });
  const other = await serve(ok, 'wrong-name');
  expect(await rejection(open([other.url])(version))).toMatchObject({ details: { more: { sent: 'no', kind: 'tls' } } });
  expect(other.received).toEqual([]);
});

test('a CA and a pin together must both fit', async () => {
  const server = await serve(ok, 'two');
  const ca = pem('ca.pem');
  expect(await open([server.url], { tls: { ca, fingerprint: pinOf('two') } })(version)).toMatchObject({ status: 200 });
  const pinned = rejection(open([server.url], { tls: { ca, fingerprint: pinOf('one') } })(version));
  expect(await pinned).toMatchObject({ details: { more: { kind: 'tls' } } });
  const self = await serve(ok, 'self');
  const signed = rejection(open([self.url], { tls: { ca, fingerprint: pinOf('self') } })(version));
  expect(await signed).toMatchObject({ details: { more: { kind: 'tls' } } });
});

test('without any setting a self-signed certificate is refused, whatever the process variable says', async () => {
  const server = await serve(ok, 'self');
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    const error = await rejection(open([server.url], { tls: {} })(version));
    expect(error).toMatchObject({ code: 'PVE_UNREACHABLE', details: { more: { sent: 'no', kind: 'tls' } } });
    expect(String(error)).toContain('not trusted');
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  }
  expect(server.received).toEqual([]);
  expect(await open([server.url], { tls: { insecure: true } })(version)).toMatchObject({ status: 200 });
});

test('probeFingerprint tells what the server shows and sends nothing', async () => {
  const server = await serve(ok, 'self');
  expect(await probeFingerprint(server.url)).toBe(pinOf('self'));
  expect(server.received).toEqual([]);
  expect(await rejection(probeFingerprint(await closedPort()))).toMatchObject({ code: 'PVE_UNREACHABLE' });
  const silent = await rejection(probeFingerprint((await serveSilence()).url, 100));
  expect(silent).toMatchObject({ details: { more: { sent: 'no', kind: 'connect' } } });
  expect(() => probeFingerprint('http://127.0.0.1:1')).toThrow(/no certificate/);
});

test('settings that cannot work are refused at once', () => {
  const make = (endpoint: string, tls = {}) =>
    createTransport({ endpoints: [endpoint], auth: TOKEN, tls, clock: systemClock });
  for (const endpoint of [
    'pve1:8006',
    'http://pve1:8006',
    'http://10.0.0.1:8006',
    'https://u:p@pve1',
    'https://pve1/api2',
    'ftp://pve1',
    'http://127.0.0.1.example',
    '',
  ]) {
    expect(() => make(endpoint), endpoint).toThrow(expect.objectContaining({ code: 'CONFIGURATION_INVALID' }));
  }
  for (const endpoint of [
    'http://127.0.0.1:8006',
    'http://localhost:1',
    'http://[::1]:1',
    'http://127.9.9.9',
    'https://pve1',
  ]) {
    expect(() => make(endpoint), endpoint).not.toThrow();
  }
  expect(() => make('https://pve1', { fingerprint: 'AB:CD' })).toThrow(/SHA-256/);
  expect(() => make('https://pve1', { ca: 'no certificate' })).toThrow(/PEM/);
  expect(() => make('https://pve1', { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' })).toThrow(
    /PEM/,
  );
  expect(() => createTransport({ endpoints: [], auth: TOKEN, clock: systemClock })).toThrow(/at least one/);
  try {
    make('https://user:hunter2@pve1');
  } catch (error) {
    expect(isAgentError(error) && error.message).not.toContain('hunter2');
  }
  expect(normaliseFingerprint('ab'.repeat(32))).toBe(Array.from({ length: 32 }, () => 'AB').join(':'));
});
