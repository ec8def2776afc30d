import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAudit, exportAudit } from '../../record/index.ts';
import { recordWorld, type RecordWorld } from '../../record/testing.ts';
import { run, ScriptedServer, temporaryFolder, type RunOptions } from './testing.ts';

let server: ScriptedServer;
let folder: ReturnType<typeof temporaryFolder>;
let world: RecordWorld;
let lines: string[];
let key: string;

beforeEach(async () => {
  folder = temporaryFolder();
  world = recordWorld();
  const audit = createAudit(world);
  for (let index = 0; index < 5; index++)
    await world.store.commit((trx) =>
      audit.append(trx, {
        actor: { id: 'ada', class: 'human' },
        environment: 'home',
        event: `plan.created`,
        ids: { plan_id: `p${index}` },
      }),
    );
  await audit.checkpoint();
  lines = [];
  for await (const line of exportAudit(world.store, audit)) lines.push(line);
  key = audit.publicKeyPem;
  server = await new ScriptedServer({
    'GET /v1/audit': () => ({
      records: [
        {
          seq: 1,
          at: 1767225600000,
          actor: { id: 'ada', class: 'human' },
          environment: 'home',
          event: 'plan.created',
          ids: { plan_id: 'p0' },
          hash: 'x',
        },
      ],
    }),
    'GET /v1/audit/key': () => ({ key_id: audit.key_id, public_key: key }),
    'GET /v1/audit/export': (_, response) => {
      response.writeHead(200, { 'content-type': 'application/jsonl' });
      response.end(`${lines.join('\n')}\n`);
    },
    'POST /v1/tokens': (_, response) => {
      response.statusCode = 201;
      return { id: 't9', name: 'ci', role: 'operator', class: 'service', token: 'pxa_once' };
    },
    'GET /v1/tokens': () => ({
      tokens: [
        { id: 't9', name: 'ci', role: 'operator', class: 'service', environments: ['home'], expires_at: 1767225600000 },
      ],
    }),
    'DELETE /v1/tokens/t9': (_, response) => {
      response.writeHead(204);
      response.end();
    },
    'POST /v1/store/backup': ({ body }) => ({ file: (body as { file: string }).file, bytes: 2048 }),
  }).start();
});
afterEach(async () => {
  await server.kill();
  await world.end();
  folder.end();
});
const pxa = (argv: string[], options: RunOptions = {}) => run(argv, { server, ...options });
const file = (name: string, text: string): string => {
  writeFileSync(join(folder.path, name), text);
  return join(folder.path, name);
};

test('audit list, key and export', async () => {
  expect((await pxa(['audit', 'list'])).out).toContain('2026-01-01 00:00:00Z  ada (human)  home  plan.created  p0');
  expect(server.received.at(-1)?.path).toBe('/v1/audit?last=20');
  expect((await pxa(['audit', 'key'])).out).toBe(`${key.trimEnd()}\n`);
  expect((await pxa(['audit', 'export'])).out).toBe(`${lines.join('\n')}\n`);
  const path = join(folder.path, 'audit.jsonl');
  expect((await pxa(['audit', 'export', path])).exit).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe(`${lines.join('\n')}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect((await pxa(['audit', 'export', join(folder.path, 'no', 'where')])).exit).toBe(2);
});

test('verify: offline with the two files, from the server without them', async () => {
  const online = await pxa(['audit', 'verify']);
  expect(online).toMatchObject({ exit: 0, err: '' });
  expect(online.out).toContain('The audit log is whole: 5 records, 1 signed checkpoint.');
  expect(online.out).toContain('The key came from the server itself');
  const files = ['--export', file('log', lines.join('\n')), '--key', file('key', key)];
  await server.kill();
  expect(await pxa(['audit', 'verify', ...files])).toEqual({
    exit: 0,
    out: 'The audit log is whole: 5 records, 1 signed checkpoint.\n',
    err: '',
  });
  expect(JSON.parse((await pxa(['audit', 'verify', '--json', ...files])).out)).toMatchObject({ ok: true, records: 5 });
});

test('verify names the first bad record and ends with 1', async () => {
  const bad = lines.map((line) => (line.includes('"p2"') ? line.replace('"p2"', '"p7"') : line));
  const files = ['--export', file('log', bad.join('\n')), '--key', file('key', JSON.stringify({ public_key: key }))];
  const { exit, err } = await pxa(['audit', 'verify', ...files]);
  expect(exit).toBe(1);
  expect(err.replaceAll(/\s+/g, ' ')).toContain(
    'error AUDIT_INVALID: The first bad record is 3: the record was changed: its hash is another. 2 records before it are good.',
  );
  const json = await pxa(['audit', 'verify', '--json', ...files]);
  expect(json.exit).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({ ok: false, firstBad: { seq: 3 } });
});

test('verify ends with 1 for a log that fits together and that nobody signed', async () => {
  const bare = lines.filter((line) => !line.includes('"checkpoint"'));
  expect(bare.length).toBe(lines.length - 1);
  const files = ['--export', file('log', bare.join('\n')), '--key', file('key', key)];
  const { exit, err, out } = await pxa(['audit', 'verify', ...files]);
  expect({ exit, out }).toEqual({ exit: 1, out: '' });
  expect(err.replaceAll(/\s+/g, ' ')).toContain('error AUDIT_INVALID: The 5 records fit together, but none is signed');
  expect((await pxa(['audit', 'verify', '--json', ...files])).exit).toBe(1);
});

test('verify with files that are not there or no key', async () => {
  expect((await pxa(['audit', 'verify', '--export', '/nonexistent', '--key', file('key', key)])).exit).toBe(2);
  expect((await pxa(['audit', 'verify', '--key', '/nonexistent'])).exit).toBe(2);
  expect((await pxa(['audit', 'verify', '--key', file('key', 'no key')])).exit).toBe(2);
});

test('tokens: made and shown once, listed, revoked', async () => {
  const made = await pxa([
    'token',
    'create',
    '--name',
    'ci',
    '--role',
    'operator',
    '--class',
    'service',
    '--env',
    'home',
    '--env',
    'cloud',
    '--expires',
    '90d',
  ]);
  expect(made).toMatchObject({ exit: 0, out: 'pxa_once\n' });
  expect(made.err).toContain('shown this once');
  expect(server.received.at(-1)?.body).toEqual({
    name: 'ci',
    role: 'operator',
    class: 'service',
    environments: ['home', 'cloud'],
    expires_in: '90d',
  });
  expect((await pxa(['token', 'list'])).out).toContain(
    't9  ci    operator  service  home          all             never     2026-01-01 00:00:00Z',
  );
  expect(await pxa(['token', 'revoke', 't9'])).toEqual({ exit: 0, out: 'Revoked: t9.\n', err: '' });
  expect((await pxa(['token', 'revoke', 't9', '--json'])).out).toBe('{}\n');
});

test('store backup names an absolute path', async () => {
  const { out } = await pxa(['store', 'backup', 'copy.db']);
  expect(out).toBe(`Written to ${resolve('copy.db')} (2.0 KiB).\n`);
});

test.each(['audit export', 'audit list --json'])(
  '%s into a reader that has seen enough says nothing',
  async (words) => {
    lines = Array.from({ length: 50_000 }, (_, index) => JSON.stringify({ type: 'record', seq: index }));
    server.routes['GET /v1/audit'] = () => ({ records: lines });
    const script = `import { runCli } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}; process.exitCode = await runCli(${JSON.stringify(words.split(' '))}, { stdout: process.stdout, stderr: process.stderr, stdin: process.stdin, env: process.env, isTTY: false });`;
    const command = `"$0" --disable-warning=ExperimentalWarning --input-type=module -e "$1" | head -c 1`;
    const env = { ...process.env, PROXMOX_AGENT_URL: server.url, PROXMOX_AGENT_TOKEN: 'pxa_x' };
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command, process.execPath, script], { env });
    expect({ stdout, stderr }).toEqual({ stdout: '{', stderr: '' });
  },
);
