import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/harness.ts';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, 'bin/proxmox-agent');
const BOOTSTRAP = 'pl4nted-bootstrap-0123456789-0123456789';
/** One for every way in; each is recognised wherever it turns up. */
const SECRETS = {
  variable: 'pl4nted-env-5ecret',
  file: 'pl4nted-file-5ecret',
  vault: 'pl4nted-vault-5ecret',
  vaultToken: 'hvs.pl4nted-vault-token',
  stored: 'pl4nted-stored-5ecret',
  replaced: 'pl4nted-replaced-5ecret',
  storeKey: 'pl4nted-store-key-0123456789-0123456789',
  param: 'pl4nted-param-5ecret',
  sshKey: 'pl4nted-ssh-key',
  bootstrap: BOOTSTRAP,
};

const directory = temporaryDirectory();
const data = join(directory.path, 'data');
const outputs: string[] = [];
let vault: ReturnType<typeof createServer>;
let env: Record<string, string>;

const environment = (name: string, secret: string): string =>
  `  - { name: ${name}, endpoint: 'https://127.0.0.1:1', token: { id: 'a@pve!${name}', secret: '${secret}' } }\n`;
const configure = (...lines: string[]): void =>
  writeFileSync(join(directory.path, 'proxmox-agent.yaml'), `environments:\n${lines.join('')}`);

/** The server as a process of its own; answers its address. Everything that it says is kept. */
async function serve(): Promise<{ url: string; pid: number; stop(): Promise<number | null> }> {
  const child = spawn(BIN, ['serve', '--data', data, '--port', '0'], { cwd: directory.path, env });
  const url = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        outputs.push(chunk.toString());
        const [, found] = /listens on (\S+)/.exec(chunk.toString()) ?? [];
        if (found !== undefined) resolve(found);
      });
  });
  const ended = new Promise<number | null>((resolve) => void child.once('exit', resolve));
  const first = await Promise.race([url, ended]);
  if (typeof first !== 'string') throw new Error(`ended with ${first}: ${outputs.at(-1)}`);
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return ended;
  };
  return { url: first, pid: child.pid ?? 0, stop };
}

/** A command line against the server, with its output kept; answers it. */
function pxa(url: string, argv: readonly string[], input = ''): string {
  const cli = { ...env, PROXMOX_AGENT_URL: url, PROXMOX_AGENT_TOKEN: BOOTSTRAP };
  try {
    const out = execFileSync(BIN, [...argv], { cwd: directory.path, env: cli, input, encoding: 'utf8', stdio: 'pipe' });
    outputs.push(out);
    return out;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    outputs.push(stdout, stderr);
    return `${stdout}${stderr}`;
  }
}

beforeAll(async () => {
  mkdirSync(data, { mode: 0o700 });
  vault = createServer((request, response) => {
    const known = request.headers['x-vault-token'] === SECRETS.vaultToken && request.url === '/v1/secret/data/lab';
    response.writeHead(known ? 200 : 404).end(JSON.stringify({ data: { data: { token: SECRETS.vault } } }));
  });
  await new Promise<void>((resolve) => void vault.listen(0, '127.0.0.1', resolve));
  writeFileSync(join(directory.path, 'secret'), SECRETS.file);
  writeFileSync(join(directory.path, 'key'), `-----BEGIN OPENSSH PRIVATE KEY-----\n${SECRETS.sshKey}\n`);
  env = {
    PATH: process.env['PATH'] ?? '',
    HOME: directory.path,
    VAULT_ADDR: `http://127.0.0.1:${(vault.address() as AddressInfo).port}`,
    VAULT_TOKEN: SECRETS.vaultToken,
    PLANTED: SECRETS.variable,
    PROXMOX_AGENT_SECRET_KEY: SECRETS.storeKey,
    PROXMOX_AGENT_BOOTSTRAP_TOKEN: BOOTSTRAP,
    PROXMOX_AGENT_LOG: 'debug',
  };
});
afterAll(async () => {
  await new Promise((resolve) => vault.close(resolve));
  directory.remove();
});

it('a secret planted in every way in is found in no way out', { timeout: 120_000 }, async () => {
  const ssh = environment('ssh', 'env:PLANTED').replace(
    ' }\n',
    `, ssh: { key: 'file:key', hosts: { pve1: { address: 127.0.0.1, port: 1, host_key: 'SHA256:${'a'.repeat(43)}' } } } }\n`,
  );
  const all = [ssh, environment('file', 'file:secret'), environment('vault', 'vault:secret/lab#token')];
  configure(...all);
  const first = await serve();
  expect(pxa(first.url, ['secret', 'set', 'lab'], `${SECRETS.stored}\n`)).toContain('stored:lab');
  pxa(first.url, ['secret', 'set', 'other'], SECRETS.replaced);
  expect(pxa(first.url, ['secret', 'list'])).toContain('stored:other');
  pxa(first.url, ['--json', 'secret', 'set', 'Bad Name'], SECRETS.param);
  // A cluster that is not there: errors of every layer, with the credentials in hand.
  for (const name of ['ssh', 'file', 'vault']) {
    expect(pxa(first.url, ['env', 'check', name])).toContain('PVE_UNREACHABLE');
    const params = JSON.stringify({ password: SECRETS.param });
    pxa(first.url, ['-e', name, 'plan', 'vm.cloudinit.configure', '--target', 'vm/301', '--params', '-'], params);
    pxa(
      first.url,
      ['-e', name, 'plan', 'vm.cloudinit.configure', '--target', 'vm/301', '--params', '-'],
      `{"password": "${SECRETS.param}`,
    );
  }
  pxa(first.url, ['env', 'list']);
  const headers = { Authorization: `Bearer ${BOOTSTRAP}` };
  for (const path of [
    '/v1/secrets',
    '/v1/environments',
    '/v1/audit?after=0',
    '/v1/audit/export',
    '/v1/plans',
    '/v1/me',
    '/v1/events?last_event_id=-1',
    '/metrics',
    '/openapi.json',
  ]) {
    const signal = AbortSignal.timeout(2_000);
    const read = fetch(`${first.url}${path}`, { headers, signal }).then((answer) => answer.text());
    // The event stream has no end of its own.
    outputs.push(await read.catch(() => ''));
  }
  const put = { method: 'PUT', headers: { ...headers, 'Content-Type': 'application/json', 'Idempotency-Key': 'one' } };
  for (const body of [{ value: SECRETS.stored, x: 1 }, { value: [SECRETS.stored] }, { value: SECRETS.stored }])
    outputs.push(await (await fetch(`${first.url}/v1/secrets/lab`, { ...put, body: JSON.stringify(body) })).text());
  outputs.push(readFileSync(`/proc/${first.pid}/cmdline`, 'utf8'));
  expect(await first.stop()).toBe(0);

  configure(...all, environment('stored', 'stored:lab'));
  const second = await serve();
  expect(pxa(second.url, ['secret', 'rm', 'lab'])).toContain('uses stored:lab');
  expect(pxa(second.url, ['env', 'check', 'stored'])).toContain('PVE_UNREACHABLE');
  expect(await second.stop()).toBe(0);

  // Refused at the start, each naming what is wrong.
  const refused: [string, string][] = [
    [environment('a', 'stored:none'), 'environment a: token.secret: stored:none'],
    [environment('a', 'vault:secret/none#token'), 'environment a: token.secret: vault:secret/none#token'],
    [environment('a', 'stored:lab') + environment('b', 'stored:lab'), 'environments a and b have the same secret'],
    [environment('a', 'env:PLANTED') + environment('a', 'file:secret'), 'Two environments are named a'],
    [environment('a', SECRETS.param), 'must be a reference'],
  ];
  for (const [lines, words] of refused) {
    configure(lines);
    await expect(serve()).rejects.toThrow(words);
  }

  const files = readdirSync(data).map((name) => readFileSync(join(data, name)).toString('latin1'));
  for (const [what, secret] of Object.entries(SECRETS))
    for (const text of [...outputs, ...files])
      for (const form of [
        secret,
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(secret).toString('hex'),
      ])
        expect(text.includes(form), `${what} in ${text.slice(0, 300)}`).toBe(false);
});
