import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownerCode } from '../src/identity/index.ts';
import { run, temporaryFolder, type Ran } from '../src/surfaces/cli/testing.ts';
import { Browser, codeAt, enrol, PASSWORD } from './http/browser.ts';
import { movable } from './http/browser.ts';
import { Service, STOP } from './http/support.ts';

/** People from the command line, against a real server. */
let service: Service;
const clock = movable();
const folder = temporaryFolder();
const kept = join(folder.path, 'proxmox-agent', 'token');
beforeAll(async () => {
  service = await Service.start({ clock });
  const code = await ownerCode(service.app.identity);
  expect((await pxa(['login', '--owner', code ?? ''])).exit).toBe(0);
});
afterAll(async () => {
  await service.close();
  folder.end();
});
const pxa = (argv: string[], env: Record<string, string> = {}): Promise<Ran> =>
  run(argv, {
    env: {
      PROXMOX_AGENT_URL: service.url,
      PROXMOX_AGENT_TOKEN: '',
      XDG_CONFIG_HOME: folder.path,
      PW: PASSWORD,
      ...env,
    },
  });

test('somebody is invited, changed, disabled, enabled and reset', async () => {
  expect((await pxa(['person', 'invite', 'ana'])).exit).toBe(2);
  expect((await pxa(['person', 'invite', 'ana', '--grant', 'home=boss'])).exit).toBe(2);
  const invited = await pxa(['person', 'invite', 'ana', '--grant', 'lab=approver', '--grant', 'all=viewer']);
  expect(invited.exit).toBe(0);
  const link = new URL(invited.out.trim());
  expect(link.origin).toBe(service.url);
  const code = /^#invite=([\w-]{43})$/.exec(link.hash)?.[1];
  expect((await new Browser(service).ask('POST /v1/invitation', { code, password: PASSWORD })).status).toBe(200);
  const listed = await pxa(['person', 'list']);
  expect(listed.out).toMatch(/^ana +active +lab: approver, all: viewer +password/m);
  expect((await pxa(['person', 'grant', 'ana', 'lab=operator', 'all=none'])).out).toBe('ana has lab: operator.\n');
  expect((await pxa(['person', 'grant', 'nobody', 'lab=operator'])).exit).toBe(5);
  expect((await pxa(['person', 'disable', 'ana'])).exit).toBe(0);
  expect((await new Browser(service).signIn('ana', PASSWORD)).status).toBe(401);
  expect((await pxa(['person', 'enable', 'ana'])).out).toBe('ana is active.\n');
  expect((await pxa(['person', 'reset', 'ana'])).exit).toBe(2);
  expect((await pxa(['person', 'reset', 'ana', '--yes'])).out).toContain('/#invite=');
  expect((await pxa(['person', 'list', '--json'])).out).toContain('"state":"invited"');
});

test('a person sets the password, signs in with it and a code, and out again', async () => {
  expect((await pxa(['me', 'password', '--password', 'env:PW'])).out).toContain('The password is set');
  const env = { WRONG: 'not-the-harbour-00' };
  expect((await pxa(['me', 'password', '--password', 'env:WRONG', '--current-password', 'env:WRONG'], env)).exit).toBe(
    2,
  );
  expect((await pxa(['me', 'password', '--password', PASSWORD])).exit).toBe(2);
  const browser = new Browser(service);
  await browser.signIn('owner', PASSWORD);
  const { secret } = await enrol(browser, clock);
  clock.advance(30_000);
  const login = ['login', '--name', 'owner', '--password', 'env:PW'];
  const needed = await pxa(login);
  expect(needed.exit).toBe(3);
  expect(needed.err).toContain('FACTOR_REQUIRED');
  const before = readFileSync(kept, 'utf8');
  const signed = await pxa([...login, '--code', codeAt(secret, clock)]);
  expect(signed.out).toContain('as owner (human), role admin.');
  expect(readFileSync(kept, 'utf8')).not.toBe(before);
  expect((await pxa(['whoami'])).out).toMatch(/environments +all: admin/);
  expect((await pxa(['session', 'list'])).out).toContain('password');
  expect((await pxa(['me', 'passkey', 'list'])).out).toContain('No passkeys');
  expect((await pxa(['me', 'recovery'])).exit).toBe(2);
  clock.advance(30_000);
  const codes = (await pxa(['me', 'recovery', '--code', codeAt(secret, clock)])).out;
  expect(codes.match(/^ {2}[a-z2-9-]{19}$/gm)).toHaveLength(10);

  const planned = await pxa(['plan', STOP.action, '--target', STOP.target, '--json']);
  const { plan_id, plan_hash } = JSON.parse(planned.out) as { plan_id: string; plan_hash: string };
  const approve = ['approve', plan_id, '--hash', plan_hash, '--factor'];
  expect((await pxa([...approve, '000000'])).exit).toBe(3);
  clock.advance(30_000);
  expect((await pxa([...approve, codeAt(secret, clock)])).out).toContain('Approved.');

  const token = readFileSync(kept, 'utf8').trim();
  expect((await pxa(['logout'])).out).toContain('Signed out');
  expect(existsSync(kept)).toBe(false);
  expect((await service.ask('GET /v1/me', { token })).status).toBe(401);
  expect((await pxa(['login', '--name', 'owner', '--token', 'x'])).exit).toBe(2);
  clock.advance(30_000);
  expect((await pxa([...login, '--code', codeAt(secret, clock)])).exit).toBe(0);
});

test('a token is held to actions, and is one’s own', async () => {
  const make = ['token', 'create', '--name', 'helper', '--role', 'operator', '--class', 'agent'];
  const made = await pxa([...make, '--action', 'vm.st*', '--action', 'snapshot.*', '--own', '--json']);
  expect(JSON.parse(made.out)).toMatchObject({
    actions: ['vm.st*', 'snapshot.*'],
    person_id: expect.any(String) as string,
  });
  const { token } = JSON.parse(made.out) as { token: string };
  const plan = (action: string) => pxa(['plan', action, '--target', 'vm/301'], { PROXMOX_AGENT_TOKEN: token });
  expect((await plan('vm.start')).exit).toBe(0);
  expect((await plan('vm.reboot')).exit).toBe(3);
  expect((await pxa(['whoami'], { PROXMOX_AGENT_TOKEN: token })).out).toMatch(/actions +vm\.st\*, snapshot\.\*/);
});

test('an agent approves nothing from the command line, however it asks', async () => {
  const agent = await service.token('admin', 'agent');
  const as = { PROXMOX_AGENT_TOKEN: agent };
  const planned = await pxa(['plan', STOP.action, '--target', 'vm/101', '--json'], as);
  const { plan_id, plan_hash } = JSON.parse(planned.out) as { plan_id: string; plan_hash: string };
  // A person is signed in here, and its token lies in the same folder: the agent's own is what counts.
  expect(existsSync(kept)).toBe(true);
  const approve = ['approve', plan_id, '--hash', plan_hash];
  for (const [argv, env] of [
    [approve, as],
    [[...approve, '--yes'], as],
    [[...approve, '--factor', '000000'], as],
    [[...approve, '--confirm', plan_hash.slice(0, 8)], as],
    [approve, { ...as, PROXMOX_AGENT_BOOTSTRAP_TOKEN: agent }],
    [approve, { ...as, PROXMOX_AGENT_CLASS: 'human', USER: 'owner', SUDO_USER: 'owner' }],
    [['reject', plan_id], as],
  ] as const) {
    const ran = await pxa([...argv], { ...env });
    expect(ran.exit, ran.err).toBe(3);
    expect(ran.err).toContain('APPROVAL_FORBIDDEN');
  }
  for (const argv of [
    ['env', 'thaw', 'lab', '--reason', 'because'],
    ['token', 'create', '--name', 'x', '--role', 'approver', '--class', 'human'],
    ['token', 'create', '--own', '--name', 'x', '--role', 'approver', '--class', 'human'],
    ['person', 'invite', 'mallory', '--grant', 'all=admin'],
    ['secret', 'list'],
    ['store', 'backup', join(folder.path, 'never')],
  ])
    expect((await pxa(argv, as)).exit, argv.join(' ')).toBe(3);
  expect((await pxa(['apply', plan_id], as)).exit).toBe(4);
  const plan = await service.ask(`GET /v1/plans/${plan_id}`, { token: agent });
  expect(plan.json).toMatchObject({ state: 'awaiting_approval', approvals: [] });
});
