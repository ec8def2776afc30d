import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { armor, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, type Config } from '../config.ts';
import { checkSecretsApart, resolveSecrets } from '../config_secrets.ts';
import { AgentError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { outsideFetchers } from './sources.ts';
import { readVault } from './vault.ts';

const PLANTED = 'pl4nted-s3cret-value';
const TOKEN = 'hvs.pl4nted-token';
let server: Server;
let address: string;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'proxmox-agent-secrets-'));
  server = createServer((request, response) => {
    const send = (status: number, body: object): void => void response.writeHead(status).end(JSON.stringify(body));
    if (request.url === '/v1/secret/data/late') return;
    if (request.url === '/v1/secret/data/sealed') return send(503, { errors: ['Vault is sealed'] });
    if (request.headers['x-vault-token'] !== TOKEN) return send(403, { errors: [`permission denied ${PLANTED}`] });
    if (request.url === '/v1/secret/data/moved')
      return void response.writeHead(302, { location: '/v1/secret/data/lab/home' }).end();
    if (request.url === '/v1/secret/data/odd') return void response.writeHead(200).end(`<html>${PLANTED}`);
    if (request.url !== '/v1/secret/data/lab/home') return send(404, { errors: [] });
    return send(200, { data: { data: { token: PLANTED, number: 7 }, metadata: { version: 3 } } });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AgentError);
  expect(inspect(error, { depth: 9 })).not.toContain('pl4nted');
  return (error as AgentError).message;
};
const read = (reference: string, token = TOKEN): Promise<string> =>
  readVault({ address, token: new Secret(token) }, reference, 300);

describe('vault:', () => {
  it('reads a field of a secret, with or without the data/ of the API', async () => {
    expect(await read('vault:secret/lab/home#token')).toBe(PLANTED);
    expect(await read('vault:secret/data/lab/home#token')).toBe(PLANTED);
  });

  it.each([
    ['vault:secret/nothing#token', 'no secret there'],
    ['vault:secret/lab/home#nothing', 'no text in its field "nothing"'],
    ['vault:secret/lab/home#number', 'no text in its field "number"'],
    ['vault:secret/lab/home#constructor', 'no text in its field'],
    ['vault:secret/sealed#token', 'sealed'],
    ['vault:secret/late#token', 'did not answer within 0.3 s'],
    ['vault:secret/moved#token', 'answered 302'],
    ['vault:secret/odd#token', 'KV engine of version 2'],
    ['vault:secret/lab/home', 'must be vault:MOUNT/PATH#FIELD'],
    ['vault:../sys/seal#x', 'must be vault:MOUNT/PATH#FIELD'],
  ])('%s: %s', async (reference, words) => {
    expect(await refusal(read(reference))).toContain(words);
  });

  it('says that the token is not good, that nothing is there, and that plain http is not accepted elsewhere', async () => {
    expect(await refusal(read('vault:secret/lab/home#token', 'hvs.other'))).toContain('403');
    const token = new Secret(TOKEN);
    const at = (place: string): Promise<unknown> => readVault({ address: place, token }, 'vault:secret/a#b', 300);
    expect(await refusal(at('http://127.0.0.1:1'))).toContain('ECONNREFUSED');
    expect(await refusal(at('http://vault.example.internal'))).toContain('must be https://');
    expect(await refusal(at('ftp://a'))).toContain('is not https://HOST');
  });
});

describe('a configuration with references', () => {
  const load = (secret: string, env: Record<string, string> = {}): Config => {
    const file = `environments:\n  - { name: home, endpoint: https://pve, token: { id: a@pve!b, secret: '${secret}' } }\n`;
    writeFileSync(join(folder, 'proxmox-agent.yaml'), file);
    return loadConfig({ env, cwd: folder, flags: {} });
  };
  const resolve = (config: Config): Promise<Config> => resolveSecrets(config, outsideFetchers(config.secrets ?? {}));
  const secretOf = ({ environments }: Config): string => {
    const auth = environments[0]?.auth;
    return auth !== undefined && 'token' in auth ? auth.token.secret.reveal() : '';
  };
  const encrypt = async (name: string, armoured: boolean): Promise<string> => {
    const identity = await generateIdentity();
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(identity));
    const bytes = await encrypter.encrypt(`${PLANTED}\n`);
    writeFileSync(join(folder, name), armoured ? armor.encode(bytes) : bytes);
    return identity;
  };

  it('gets them from Vault and from age files, named beside the configuration', async () => {
    const vault = { VAULT_ADDR: address, VAULT_TOKEN: TOKEN };
    expect(secretOf(await resolve(load('vault:secret/lab/home#token', vault)))).toBe(PLANTED);
    for (const armoured of [true, false]) {
      const identity = await encrypt('home.age', armoured);
      writeFileSync(join(folder, 'id'), `# created today\n${identity}\n`);
      const config = load('age:home.age', { PROXMOX_AGENT_AGE_IDENTITY_FILE: 'id' });
      expect(secretOf(await resolve(config))).toBe(PLANTED);
    }
  });

  it('names the setting and the reference of one that is not there, never a value', async () => {
    const vault = { VAULT_ADDR: address, VAULT_TOKEN: TOKEN };
    const where = 'environment home: token.secret: ';
    expect(await refusal(resolve(load('vault:secret/nothing#token', vault)))).toContain(
      `${where}vault:secret/nothing#token: `,
    );
    expect(await refusal(resolve(load('vault:secret/a#b')))).toContain('no Vault is configured');
    expect(await refusal(resolve(load('age:home.age')))).toContain('no identity is configured');
    await encrypt('home.age', true);
    const other = { PROXMOX_AGENT_AGE_IDENTITY: await generateIdentity() };
    expect(await refusal(resolve(load('age:home.age', other)))).toContain('cannot be decrypted');
    expect(await refusal(resolve(load('age:none.age', other)))).toContain('cannot be read (ENOENT)');
    const broken = { PROXMOX_AGENT_AGE_IDENTITY: PLANTED };
    expect(await refusal(resolve(load('age:home.age', broken)))).toContain('not one of age');
  });

  it('shows nothing and gives nothing before it is fetched', () => {
    const config = load('stored:home');
    expect(() => secretOf(config)).toThrow('environment home: token.secret: stored:home was not fetched');
    expect(JSON.stringify(config)).toContain('[redacted]');
    expect(() => load(PLANTED)).toThrow(/must be a reference/);
  });

  it('refuses two environments with one secret, whatever their references', () => {
    const { environments } = load('env:A', { A: PLANTED });
    const [home] = environments;
    if (home === undefined) throw new Error('no environment');
    const key = { user: 'root', key: new Secret('k'), directory: '/d', hosts: {} };
    expect(() => checkSecretsApart({ environments: [home, { ...home, name: 'cloud' }] })).toThrow(
      'environments home and cloud have the same secret as their credential',
    );
    const apart = { ...home, name: 'cloud', auth: { ticket: { username: 'a@pve', password: new Secret('other') } } };
    expect(() => checkSecretsApart({ environments: [home, apart] })).not.toThrow();
    expect(() =>
      checkSecretsApart({
        environments: [
          { ...home, ssh: key },
          { ...apart, ssh: key },
        ],
      }),
    ).toThrow('SSH key');
  });
});
