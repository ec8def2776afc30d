import { execFileSync } from 'node:child_process';
import { statSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CATALOGUE } from '../../kernel/errors.ts';
import { EventCutter } from './events.ts';
import { printable } from './printable.ts';
import { hanging, visible } from './render/text.ts';
import { refuse, run, ScriptedServer, temporaryFolder, TOKEN, type RunOptions } from './testing.ts';
import { version } from './version.ts';

let server: ScriptedServer;
let folder: ReturnType<typeof temporaryFolder>;
const ME = { id: 't1', name: 'ada', role: 'admin', class: 'human', environments: null };

beforeEach(async () => {
  folder = temporaryFolder();
  server = await new ScriptedServer({ 'GET /v1/me': () => ME }).start();
});
afterEach(async () => {
  await server.kill();
  folder.end();
});
const pxa = (argv: string[], options: RunOptions = {}) => run(argv, { server, home: folder.path, ...options });

test('the version, in each spelling', async () => {
  const own = (
    JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as { version: string }
  ).version;
  expect(version()).toBe(own);
  for (const argv of [['--version'], ['-V'], ['version'], ['--no-color', '--version']])
    expect(await pxa(argv)).toEqual({ exit: 0, out: `${own}\n`, err: '' });
});

test('the version needs none of the libraries', () => {
  const script = `import { runCli } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}; await runCli(['--version'], { stdout: process.stdout }); console.log(JSON.stringify(process.report.getReport().sharedObjects.filter((file) => file.includes('better_sqlite3'))));`;
  const out = execFileSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  );
  expect(out).toBe(`${version()}\n[]\n`);
});

test('help lists every command, also those that are programs of their own', async () => {
  const { exit, out } = await pxa(['--help']);
  expect(exit).toBe(0);
  for (const name of [
    'serve',
    'simulator',
    'login',
    'logout',
    'whoami',
    'me',
    'session',
    'person',
    'env',
    'nodes',
    'inventory',
    'status',
    'tasks',
    'actions',
    'plan',
    'approve',
    'reject',
    'apply',
    'op',
    'audit',
    'token',
    'store',
    'completion',
    'version',
  ]) {
    expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  }
  expect(out).not.toContain('__complete');
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect((await pxa([])).exit).toBe(2);
});

test('serve and simulator get their own words and answer the exit code', async () => {
  const seen: string[][] = [];
  const serve = (argv: string[]): Promise<number> => Promise.resolve(seen.push(argv) + 40);
  expect((await pxa(['serve', '--port', '0', '--json', '--help'], { deps: { serve } })).exit).toBe(41);
  expect((await pxa(['--no-color', 'serve', '--port', '0'], { deps: { serve } })).exit).toBe(42);
  expect(seen).toEqual([
    ['--port', '0', '--json', '--help'],
    ['--port', '0'],
  ]);
  expect((await pxa(['simulator'])).exit).toBe(2);
});

test.each([
  [['inventry'], 'inventory'],
  [['inventory', '--stat', 'x'], '--state'],
  [['op', 'lits'], 'list'],
  [['status'], "issing required argument 'target'"],
  [['status', 'vm/1', 'vm/2'], 'oo many arguments'],
  [['token', 'create', '--name', 'x'], '--role'],
  [['token', 'create', '--name', 'x', '--role', 'king', '--class', 'human'], 'viewer, operator, approver, admin'],
  [['audit', 'list', '--last', '0'], '--last must be'],
  [['completion', 'tcsh'], 'bash, zsh, fish'],
  [['whoami', '--server', 'nonsense'], 'is not an address'],
])('wrong use ends with 2 and helps: %j', async (argv, hint) => {
  const { exit, out, err } = await pxa(argv);
  expect({ exit, out }).toEqual({ exit: 2, out: '' });
  expect(err).toContain('error VALIDATION_FAILED: ');
  expect(err.replaceAll(/\s+/g, ' ')).toContain(hint);
  expect(server.received).toEqual([]);
  const json = await pxa([...argv, '--json']);
  expect(json).toMatchObject({ exit: 2, err: '' });
  expect(JSON.parse(json.out)).toMatchObject({ code: 'VALIDATION_FAILED', status: 400 });
});

test('a secret in the wrong place is not repeated', async () => {
  for (const argv of [
    ['login', TOKEN],
    ['login', `--tokn=${TOKEN}`],
    ['login', '--tokn', TOKEN],
    ['plan', 'show', 'x', TOKEN],
  ]) {
    for (const json of [[], ['--json']]) {
      const { exit, out, err } = await pxa([...argv, ...json]);
      expect(exit).toBe(2);
      expect(out + err).not.toContain(TOKEN);
    }
  }
});

test.each(Object.entries(CATALOGUE))(
  '%s has its exit code, in words and as JSON',
  async (code, { exit, status, advice }) => {
    server.routes['GET /v1/me'] = (_, response) =>
      refuse(response, status, code, 'what happened', { errors: { 'params.name': 'is odd' } });
    const words = await pxa(['whoami']);
    expect(words.exit).toBe(exit);
    expect(words.err).toContain(`error ${code}: what happened\n  params.name: is odd\n`);
    expect(words.err.replaceAll(/\s+/g, ' ')).toContain(advice.replaceAll(/\s+/g, ' '));
    const json = await pxa(['whoami', '--json']);
    expect(json).toMatchObject({ exit, err: '' });
    expect(JSON.parse(json.out)).toEqual({
      code,
      title: 'Title',
      status,
      detail: 'what happened',
      correlation_id: 'c-1',
      errors: { 'params.name': 'is odd' },
    });
  },
);

test('a code that is not known here goes by its status', async () => {
  for (const [status, exit] of [
    [400, 2],
    [403, 3],
    [404, 5],
    [409, 6],
    [503, 7],
    [500, 1],
  ] as const) {
    server.routes['GET /v1/me'] = (_, response) => refuse(response, status, 'NEWER', 'x');
    expect((await pxa(['whoami'])).exit).toBe(exit);
  }
});

test('no server, or something else in its place', async () => {
  const elsewhere = await new ScriptedServer({
    'GET /v1/me': (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>');
    },
  }).start();
  const html = await run(['whoami'], { server: elsewhere });
  expect(html.exit).toBe(7);
  expect(html.err).toContain('something else');
  elsewhere.routes['GET /v1/me'] = (_, response) => {
    response.writeHead(302, { location: server.url });
    response.end();
  };
  expect((await run(['whoami'], { server: elsewhere })).exit).toBe(7);
  expect(server.received).toEqual([]);
  await elsewhere.kill();
  const refused = await run(['whoami'], { server: elsewhere });
  expect(refused.exit).toBe(7);
  expect(refused.err).toContain('error SERVER_UNREACHABLE: No answer from');
  expect(refused.err).toContain('refused');
  expect(refused.err).not.toContain(TOKEN);
});

test('which token is sent', async () => {
  const auth = async (env: Record<string, string>): Promise<string | undefined> => {
    await pxa(['whoami'], { env });
    return server.received.at(-1)?.headers.authorization;
  };
  const file = join(folder.path, 'secret');
  writeFileSync(file, 'pxa_file\n');
  expect(await auth({})).toBe(`Bearer ${TOKEN}`);
  expect(await auth({ PROXMOX_AGENT_TOKEN: '', PROXMOX_AGENT_BOOTSTRAP_TOKEN: 'boot' })).toBe('Bearer boot');
  expect(await auth({ PROXMOX_AGENT_TOKEN: '', PROXMOX_AGENT_TOKEN_FILE: file })).toBe('Bearer pxa_file');
  expect(await auth({ PROXMOX_AGENT_TOKEN: '' })).toBeUndefined();
  await pxa(['login', '--token', '-'], { stdin: 'pxa_kept\n' });
  expect(await auth({ PROXMOX_AGENT_TOKEN: '' })).toBe('Bearer pxa_kept');
});

test('login keeps the token for this user alone, and only one that works', async () => {
  const env = { PROXMOX_AGENT_TOKEN: '', NEW: 'pxa_new', XDG_CONFIG_HOME: join(folder.path, 'xdg') };
  const path = join(env.XDG_CONFIG_HOME, 'proxmox-agent', 'token');
  const { exit, out } = await pxa(['login', '--token', 'env:NEW'], { env });
  expect(exit).toBe(0);
  expect(out).toContain('as ada (human), role admin.');
  expect(out).not.toContain('pxa_new');
  expect(readFileSync(path, 'utf8')).toBe('pxa_new\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  server.routes['GET /v1/me'] = (_, response) => refuse(response, 401, 'UNAUTHENTICATED', 'no');
  expect((await pxa(['login', '--token', '-'], { env, stdin: 'pxa_bad' })).exit).toBe(3);
  expect(readFileSync(path, 'utf8')).toBe('pxa_new\n');
});

test('login asks on a terminal; the link of the owner becomes a token', async () => {
  const env = { PROXMOX_AGENT_TOKEN: '' };
  expect((await pxa(['login'], { env })).exit).toBe(2);
  const asked = await pxa(['login'], { env, tty: true, stdin: 'pxa_typed\r' });
  expect(asked.exit).toBe(0);
  expect(asked.out + asked.err).not.toContain('pxa_typed');
  expect(server.received.at(-1)?.headers.authorization).toBe('Bearer pxa_typed');
  server.routes['POST /v1/owner'] = () => ({ token: 'pxa_owner' });
  for (const given of ['CODE-1', `${server.url}/#owner=CODE-1`]) {
    const ran = await pxa(['login', '--owner', given], { env });
    expect(ran.exit).toBe(0);
    expect(ran.out).not.toContain('pxa_owner');
    expect(server.received.at(-1)?.headers.authorization).toBe('Bearer pxa_owner');
  }
  expect(server.bodies('POST /v1/owner')).toEqual([{ code: 'CODE-1' }, { code: 'CODE-1' }]);
});

test('no link or code is used up for a token that could not be kept', async () => {
  const env = { PROXMOX_AGENT_TOKEN: '', XDG_CONFIG_HOME: join(folder.path, 'a file') };
  writeFileSync(env.XDG_CONFIG_HOME, '');
  server.routes['POST /v1/owner'] = () => ({ token: 'pxa_owner' });
  const { exit, err } = await pxa(['login', '--owner', 'CODE-1'], { env });
  expect(exit).toBe(2);
  expect(err.replace(/\s+/g, ' ')).toMatch(
    /cannot be kept in .*proxmox-agent\/token \(ENOTDIR\)\. Set XDG_CONFIG_HOME/,
  );
  expect(server.received).toEqual([]);
});

test('events are the same wherever the stream is cut', () => {
  const text = ': hi\n\nid: 1\ndata: ü\n\nid: 2\r\nevent: x\r\ndata: a\r\ndata: b\r\n\r\nid: 3\n\ndata: no id\n\n';
  const bytes = new TextEncoder().encode(text);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
      const cutter = new EventCutter();
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const found = places
        .slice(1)
        .reduce((sum, end, index) => sum + cutter.take(bytes.subarray(places[index], end)), 0);
      expect({ found, lastId: cutter.lastId }).toEqual({ found: 3, lastId: '3' });
    }),
  );
});

test('an id counts only when its message is whole', () => {
  const cutter = new EventCutter();
  cutter.take(new TextEncoder().encode('id: 1\ndata: a\n\nid: 2\ndata: b\n'));
  expect(cutter.lastId).toBe('1');
});

test('nothing that drives a terminal comes through; everything else does', () => {
  fc.assert(
    fc.property(fc.json(), fc.string({ unit: 'binary' }), (json, text) => {
      const shown = JSON.stringify(printable({ a: [text], [text]: JSON.parse(json) as unknown }));
      // oxlint-disable-next-line no-control-regex -- the same characters, looked for
      expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
  expect(printable({ a: 'grün → "x"\n', b: [1, null, true] })).toEqual({ a: 'grün → "x"\n', b: [1, null, true] });
});

test('wrapping loses no word and keeps to the width where a word allows', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, maxLength: 30, unit: fc.constantFrom('a', 'b', '1') })), (words) => {
      const lines = hanging('head: ', words.join(' '), 40);
      expect(lines.join(' ').replace('head:', '').split(' ').filter(Boolean)).toEqual(words);
      for (const line of lines) expect(visible(line)).toBeLessThanOrEqual(40);
    }),
  );
});

test.each([
  [['env', 'freeze', 'lab'], 'proxmox-agent env freeze'],
  [['--server', 'http://127.0.0.1:1', 'apply'], 'proxmox-agent apply'],
  [['nonsense'], 'proxmox-agent'],
])('wrong use of %j leads to the help of %s', async (argv, name) => {
  const { exit, err } = await pxa(argv);
  expect(exit).toBe(2);
  expect(err).toContain(`\`${name} --help\` shows how it is used.`);
});

test('help says which options may not be left out', async () => {
  const { out } = await pxa(['env', 'freeze', '--help']);
  expect(out.replaceAll(/\s+/g, ' ')).toContain('everybody whose change waits sees it (required) --until');
});
