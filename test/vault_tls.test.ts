import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer as plainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig, type Config } from '../src/kernel/config.ts';
import { resolveSecrets } from '../src/kernel/config_secrets.ts';
import { outsideFetchers } from '../src/kernel/secrets/sources.ts';
import { issueCertificate, type Certificate } from '../src/simulator/server/certificate.ts';
import { temporaryDirectory } from './support/harness.ts';

/** HashiCorp Vault's KV engine over TLS, behind an authority of the house. */
const PLANTED = 'pl4nted-s3cret-value';
const TOKEN = 'hvs.pl4nted-token';
const DAY = 86_400_000;
const folder = temporaryDirectory();
const servers: { close(done: () => void): unknown }[] = [];
let authority: Certificate;

const certificate = (wanted: {
  names?: readonly string[];
  from?: number;
  until?: number;
  by?: Certificate | 'itself';
}) => {
  const { names = ['127.0.0.1'], from = -DAY, until = DAY, by = authority } = wanted;
  const now = Date.now();
  return issueCertificate({
    common: 'vault',
    serial: randomBytes(8),
    names,
    from: now + from,
    until: now + until,
    ...(by === 'itself' ? {} : { issuer: { common: 'The house', key: by.key } }),
  });
};
const makeAuthority = (common: string): Certificate =>
  issueCertificate({
    common,
    serial: randomBytes(8),
    from: Date.now() - DAY,
    until: Date.now() + DAY,
    authority: true,
  });

/** A Vault with this certificate; answers its address, and how often it was shown a token. */
async function vault({ cert, key }: Certificate): Promise<{ address: string; readonly shown: () => number }> {
  let shown = 0;
  const server: Server = createServer({ cert, key }, (request, response) => {
    if (request.headers['x-vault-token'] !== undefined) shown++;
    const known = request.headers['x-vault-token'] === TOKEN && request.url === '/v1/secret/data/lab/home';
    response.writeHead(known ? 200 : 403).end(JSON.stringify({ data: { data: { token: PLANTED }, metadata: {} } }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return { address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, shown: () => shown };
}

/** What a start with this configuration makes of the secret. */
async function start(address: string, { ca, env = {} }: { ca?: string; env?: Record<string, string> } = {}) {
  const file = join(folder.path, 'proxmox-agent.yaml');
  const named = ca === undefined ? '' : `, ca: ${ca}`;
  const sources =
    env['VAULT_ADDR'] === undefined ? `secrets: { vault: { address: '${address}', token: env:T${named} } }` : '';
  writeFileSync(
    file,
    `${sources}\nenvironments:\n  - { name: home, endpoint: 'https://pve:8006', token: { id: 'a@pve!t', secret: 'vault:secret/lab/home#token' } }\n`,
  );
  const config = loadConfig({ cwd: folder.path, env: { T: TOKEN, ...env }, flags: {} });
  return resolveSecrets(config, outsideFetchers(config.secrets ?? {}));
}
const secretOf = ({ environments: [home] }: Config): string =>
  home?.auth !== undefined && 'token' in home.auth ? home.auth.token.secret.reveal() : '';
const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const { message } = error as Error;
  expect(message).toContain('environment home: token.secret: vault:secret/lab/home#token: ');
  expect(message).not.toContain('pl4nted');
  return message;
};

beforeAll(() => {
  authority = makeAuthority('The house');
  writeFileSync(join(folder.path, 'ca.pem'), authority.cert);
  writeFileSync(join(folder.path, 'other.pem'), makeAuthority('Another house').cert);
  writeFileSync(join(folder.path, 'both.pem'), `${makeAuthority('Another house').cert}${authority.cert}`);
  writeFileSync(join(folder.path, 'no.pem'), 'not a certificate');
});
afterAll(async () => {
  for (const server of servers) await new Promise<void>((resolve) => void server.close(() => resolve()));
  folder.remove();
});

it('is read where the authority of the house is named, also as one of several, and by the variable', async () => {
  const { address } = await vault(certificate({}));
  expect(secretOf(await start(address, { ca: 'ca.pem' }))).toBe(PLANTED);
  expect(secretOf(await start(address, { ca: 'both.pem' }))).toBe(PLANTED);
  const env = { VAULT_ADDR: address, VAULT_TOKEN: TOKEN, VAULT_CACERT: join(folder.path, 'ca.pem') };
  expect(secretOf(await start(address, { env }))).toBe(PLANTED);
});

it.each<[string, Parameters<typeof certificate>[0], string | undefined, string]>([
  ['by nobody whom the system trusts', {}, undefined, 'not signed by an authority that is trusted here; name its CA'],
  ['by another authority', {}, 'other.pem', 'not signed by an authority that is trusted here'],
  ['by itself', { by: 'itself' }, 'ca.pem', 'not signed by an authority that is trusted here'],
  ['for another name', { names: ['vault.example'] }, 'ca.pem', 'is for another name'],
  ['and has expired', { from: -2 * DAY, until: -DAY }, 'ca.pem', 'has expired'],
  ['for a time to come', { from: DAY / 2, until: DAY }, 'ca.pem', 'is not valid yet'],
])('with a certificate that is signed %s is refused in words, and is shown no token', async (_, wanted, ca, words) => {
  const { address, shown } = await vault(certificate(wanted));
  expect(await refusal(start(address, ca === undefined ? {} : { ca }))).toContain(words);
  expect(shown()).toBe(0);
});

it('is verified whatever Node is told to let through', async () => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    const { address, shown } = await vault(certificate({ by: 'itself' }));
    expect(await refusal(start(address))).toContain('not signed by an authority');
    expect(shown()).toBe(0);
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  }
});

it('is refused where the other side has no TLS, or the file no certificate', async () => {
  const plain = plainServer((_, response) => response.end('{}'));
  await new Promise<void>((resolve) => void plain.listen(0, '127.0.0.1', resolve));
  servers.push(plain);
  const address = `https://127.0.0.1:${(plain.address() as AddressInfo).port}`;
  expect(await refusal(start(address, { ca: 'ca.pem' }))).toContain('there is no TLS at the address of Vault');
  expect(await refusal(start(address, { ca: 'no.pem' }))).toContain('the CA of Vault is not a certificate in PEM');
  await expect(start(address, { ca: 'none.pem' })).rejects.toThrow(/secrets.vault.ca: .*none.pem cannot be read/);
});
