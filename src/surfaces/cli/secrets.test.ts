import { afterEach, beforeEach, expect, test } from 'vitest';
import { run, ScriptedServer, type RunOptions } from './testing.ts';

const PLANTED = 'pl4nted-s3cret-value';
const shown = { name: 'home', reference: 'stored:home', used: true, updated_at: '2026-01-01T00:00:00.000Z' };
const need = { path: '/vms', privilege: 'VM.Snapshot', actions: ['snapshot.create'], held_on: ['/vms/301'] };
const extra = { privilege: 'Permissions.Modify', paths: ['/'], dangerous: true };
const health = { environment: 'home', version: '9.1.1', status: 'ok', needed: 20, missing: [], beyond: [] };

let server: ScriptedServer;
beforeEach(async () => {
  server = await new ScriptedServer({
    'GET /v1/secrets': () => ({ secrets: [shown] }),
    'PUT /v1/secrets/home': () => shown,
    'DELETE /v1/secrets/home': (_request, response) => void response.writeHead(204).end(),
    'POST /v1/secrets/rotate-key': () => ({ secrets: 3, key_id: 'abcd' }),
    'GET /v1/environments/home/health': () => health,
  }).start();
});
afterEach(() => server.kill());
const pxa = (argv: string[], options: RunOptions = {}) => run(argv, { server, ...options });
const PUT = 'PUT /v1/secrets/home';

test('a value comes from the standard input, without the end of its line, and is printed nowhere', async () => {
  const set = await pxa(['secret', 'set', 'home'], { stdin: `${PLANTED}\n` });
  expect(set).toMatchObject({ exit: 0, err: '' });
  expect(set.out).toContain('stored:home');
  expect(server.bodies(PUT)).toEqual([{ value: PLANTED }]);
  expect((await pxa(['secret', 'set', 'home'], { stdin: '\n' })).exit).toBe(2);
  expect(server.bodies(PUT)).toHaveLength(1);
});

test('on a terminal it is asked for, and what is typed is not shown', async () => {
  const set = await pxa(['secret', 'set', 'home'], { tty: true, stdin: `${PLANTED}\r` });
  expect(set.exit, set.err).toBe(0);
  expect(server.bodies(PUT)).toEqual([{ value: PLANTED }]);
  expect(set.out + set.err).not.toContain(PLANTED);
});

test('a value on the command line is refused and not repeated', async () => {
  const { exit, out, err } = await pxa(['secret', 'set', 'home', PLANTED]);
  expect(exit).toBe(2);
  expect(out + err).not.toContain(PLANTED);
  expect(server.received).toEqual([]);
});

test('list, rm, rotate-key', async () => {
  expect((await pxa(['secret', 'list'])).out).toContain('stored:home  used');
  expect((await pxa(['secret', 'rm', 'home'])).out).toBe('Removed: home.\n');
  expect((await pxa(['secret', 'rotate-key', '--to', 'file:/run/key'])).out).toContain('3 secrets are sealed');
  expect(server.bodies('POST /v1/secrets/rotate-key')).toEqual([{ to: 'file:/run/key' }]);
  expect((await pxa(['secret', 'rotate-key', '--to', PLANTED])).exit).toBe(2);
});

test('env check names what is missing and what is too much; missing is exit code 1', async () => {
  const good = await pxa(['env', 'check', 'home']);
  expect(good).toMatchObject({
    exit: 0,
    out: 'home (Proxmox VE 9.1.1): the token holds all 20 privileges that the actions need.\n',
  });
  server.routes['GET /v1/environments/home/health'] = () => ({
    ...health,
    status: 'fail',
    missing: [need],
    beyond: [extra],
  });
  const bad = await pxa(['env', 'check', 'home']);
  expect(bad.exit).toBe(1);
  const text = bad.out.replace(/\s+/g, ' ');
  expect(text).toContain('lacks 1 of 20 privileges');
  expect(text).toContain('missing VM.Snapshot on /vms (held on /vms/301 only): snapshot.create');
  expect(text).toContain('warning Permissions.Modify on / is more than any action needs, and dangerous');
});

test('env bootstrap prints commands and needs no server', async () => {
  const nine = await pxa(['env', 'bootstrap', 'my-lab']);
  expect(nine.out).toMatch(/^pveum user add agent@pve\npveum role add ProxmoxAgent --privs "/);
  expect(nine.err).toContain('env:MY_LAB_TOKEN_SECRET');
  expect((await pxa(['env', 'bootstrap', 'home', '--pve', '8', '--user', 'bob@pam'])).out).toMatch(
    /bob@pam[^]*VM\.Monitor/,
  );
  expect((await pxa(['env', 'bootstrap', 'home', '--pve', '7'])).exit).toBe(2);
  expect((await pxa(['env', 'bootstrap', 'home', '--user', 'a; reboot'])).exit).toBe(2);
  expect(server.received).toEqual([]);
});
