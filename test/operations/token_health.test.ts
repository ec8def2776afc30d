import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { allNeeds, bootstrapCommands, tokenHealth } from '../../src/changes/index.ts';
import { ACTIONS } from '../../src/actions/index.ts';
import { Case, type Operation } from '../contract/cases.ts';
import { Harness, person } from '../support/harness.ts';
import { inProcessApi } from '../support/lab.ts';

const USER = 'least@pve';
let one: Case;
const cases: Case[] = [];
beforeEach(() => {
  one = new Case();
  cases.push(one);
});
afterAll(() => cases.forEach((each) => each.close()));

/** What the printed commands do, by the API that `pveum` itself uses. */
function carryOut(commands: readonly string[]): void {
  const call = (method: string, path: string, params: Record<string, string>): void => {
    const { status, body } = one.simulator.handle({ method, path, params, principal: 'root@pam' });
    expect(status, `${path} ${String(body)}`).toBe(200);
  };
  const text = commands.join('\n').replaceAll('\\\n', '');
  const [, privs = ''] = /--privs "([^"]+)"/.exec(text) ?? [];
  call('POST', '/access/users', { userid: USER });
  call('POST', '/access/roles', { roleid: 'ProxmoxAgent', privs: privs.trim().split(/\s+/).join(',') });
  call('PUT', '/access/acl', { path: '/', users: USER, roles: 'ProxmoxAgent' });
  call('POST', `/access/users/${USER}/token/control`, { privsep: '0' });
}
const life = (): Harness => {
  const { clock, directory, simulator } = one;
  return new Harness({ api: inProcessApi(simulator, `${USER}!control`, clock), clock, directory: directory.path });
};

it('the printed role is enough and no more: the health is ok, and a VM is made with it', async () => {
  carryOut(bootstrapCommands(9, USER));
  const it = life();
  expect(await tokenHealth(it.changes, 'home', person)).toMatchObject({ status: 'ok', missing: [], beyond: [] });
  const params = { name: 'web1', cores: 2, disk: { size: '20G' }, cloudinit: { user: 'ana' } };
  const made = (await it.run({ action: 'vm.create_from_template', target: 'vm/9000', params })) as Operation;
  await it.close();
  expect(made.state, JSON.stringify(made.error)).toBe('applied');
});

it('names each privilege that is missing with the actions that need it, and where it is held after all', async () => {
  carryOut(bootstrapCommands(9, USER).map((line) => line.replace(' VM.Snapshot.Rollback', '')));
  const grant = { path: '/vms/301', users: USER, roles: 'PVEVMAdmin' };
  one.simulator.handle({ method: 'PUT', path: '/access/acl', params: grant, principal: 'root@pam' });
  const it = life();
  const health = await tokenHealth(it.changes, 'home', person);
  await it.close();
  expect(health.status).toBe('fail');
  expect(health.missing).toEqual([
    { path: '/vms', privilege: 'VM.Snapshot.Rollback', actions: ['snapshot.rollback'], held_on: ['/vms/301'] },
  ]);
  expect(health.beyond).toContainEqual({ privilege: 'VM.Migrate', paths: ['/vms/301'], dangerous: false });
});

it('warns of what is more than needed, says which of it is dangerous, and tells nobody of another environment', async () => {
  carryOut(
    bootstrapCommands(9, USER).map((line) => line.replace('"Datastore', '"Permissions.Modify VM.Migrate Datastore')),
  );
  const it = life();
  const { beyond, status } = await tokenHealth(it.changes, 'home', person);
  const stranger = { ...person, environments: ['other'] };
  await expect(tokenHealth(it.changes, 'home', stranger)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await it.close();
  expect({ status, beyond }).toEqual({
    status: 'warn',
    beyond: [
      { privilege: 'Permissions.Modify', paths: ['/'], dangerous: true },
      { privilege: 'VM.Migrate', paths: ['/'], dangerous: false },
    ],
  });
});

it('every privilege that an action names for its example is among those that are needed', () => {
  const needed = new Set(allNeeds(9).map(({ privilege }) => privilege));
  for (const action of ACTIONS) {
    const { target: text, params } = action.docs.example;
    const target = { kind: action.target, id: '1', text, vmid: 101, node: 'pve1' } as const;
    const input = { target, params: action.params.parse(params) as unknown, newid: 200 };
    for (const { privilege } of action.permissions(input)) expect(needed.has(privilege), privilege).toBe(true);
  }
});

it('Proxmox VE 8 has VM.Monitor where 9 has parts of it', () => {
  const names = (major: number): string[] => allNeeds(major).map(({ privilege }) => privilege);
  expect(names(8)).toContain('VM.Monitor');
  expect(names(8).join()).not.toContain('GuestAgent');
  expect(names(9)).not.toContain('VM.Monitor');
  expect(names(9)).toContain('VM.GuestAgent.Unrestricted');
});

it('the README has the very commands', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  expect(readme).toContain(
    bootstrapCommands(9)
      .map((line) => `    ${line}`)
      .join('\n'),
  );
});
