import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Case, type Operation } from '../../../test/contract/cases.ts';
import { planned, refused } from '../../../test/support/action.ts';
import { sshExec, withHosts } from '../../proxmox/index.ts';
import { startSshd, type TestSshd } from '../../proxmox/ssh/testing.ts';

const scrub = { command: 'zpool.scrub', args: { pool: 'rpool' } };

describe('host.run', () => {
  it('shows the very words that the host will get, and says that they are not rehearsed', async () => {
    const { titles, params, warnings, trace, risk } = await planned('host.run', 'node/pve1', scrub);
    expect(titles).toEqual(['Run zpool.scrub on node/pve1']);
    expect(params).toEqual([
      {
        argv: ['timeout', '120', 'zpool', 'scrub', 'rpool'],
        id: { $runtime: 'the number of this step in its operation' },
      },
    ]);
    expect(warnings).toContain('what zpool.scrub does on pve1 is not rehearsed: there is no twin of a host');
    expect(trace[0]?.undo).toMatchObject({ kind: 'irreversible' });
    expect(risk).toBe('high');
  });

  it('runs named commands only, with arguments of their kind', async () => {
    const said = (params: object): Promise<string> => refused('host.run', 'node/pve1', params);
    expect(await said({ command: 'rm', args: {} })).toContain('"params.command"');
    expect(await said({ command: 'zpool.scrub', args: { pool: 'a;reboot' } })).toContain(
      '"params.args.pool":"must be the name of a pool"',
    );
    expect(await said({ command: 'zpool.scrub', args: { pool: 'a', force: 1 } })).toContain('force');
    expect(await said({ command: 'service.restart', args: { unit: 'ssh' } })).toContain('"params.args.unit"');
    expect(await said({ command: 'journal.vacuum' })).toContain('"params.args.days"');
  });

  it('says which setting is missing where no SSH access is configured', async () => {
    expect(await refused('host.run', 'node/pve2', scrub)).toContain(
      'no SSH access to pve2 is configured; add ssh.hosts.pve2 to the environment',
    );
  });
});

describe.skipIf(!existsSync('/usr/sbin/sshd') && process.env['REQUIRE_ALL'] !== '1')('host.run over SSH', () => {
  let sshd: TestSshd;
  let one: Case;
  const cases: Case[] = [];
  beforeEach(async () => {
    sshd = await startSshd('pve1');
    one = new Case({ hosts: (api) => withHosts(api, sshd.access, sshExec(sshd.access)) });
    cases.push(one);
  });
  afterEach(() => sshd.stop());
  afterAll(() => cases.forEach((each) => each.close()));
  const request = { action: 'host.run', target: 'node/pve1', params: scrub };

  it('answers what the command said', async () => {
    sshd.program('zpool', 'echo "scrub of $2 started"');
    const { operation } = await one.run(request);
    expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
    expect(operation['results']).toMatchObject({ a1: { exit: 0, output: 'scrub of rpool started\n' } });
    expect(sshd.ran()).toEqual(['zpool scrub rpool']);
  });

  it('fails with the words of a command that fails, and says that nothing takes it back', async () => {
    sshd.program('zpool', 'echo "no such pool" >&2; exit 1');
    const { operation } = await one.run(request);
    expect(operation.state).toBe('failed');
    expect(operation.error?.message).toBe('zpool.scrub on pve1 ended with 1: no such pool');
    expect(operation.compensation).toMatchObject([{ state: 'left' }]);
  });

  it.each(['before-intent', 'after-intent', 'after-send', 'after-answer'] as const)(
    'runs once when the process is killed %s',
    async (point) => {
      sshd.program('zpool');
      const { reached, operation } = await one.killed(request, 1, point);
      expect(reached).toBe(true);
      expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
      expect(sshd.ran()).toEqual(['zpool scrub rpool']);
    },
  );

  it('runs once when the connection is cut in the middle: the host is asked what became of it', async () => {
    sshd.program('zpool', `until [ -e '${sshd.home}/gate' ]; do sleep 0.05; done; echo late`);
    sshd.program('open', `touch '${sshd.home}/gate'`);
    const life = one.life();
    const operation_id = await life.begin(await life.plan(request));
    while (sshd.ran().length === 0) await new Promise((resolve) => setImmediate(resolve));
    sshd.cut();
    await withHosts(one.api, sshd.access, sshExec(sshd.access)).call({
      method: 'POST',
      path: '/ssh/pve1/run',
      params: { argv: ['open'], id: 'open' },
    });
    const operation = (await life.end(operation_id)) as Operation;
    await life.close();
    expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
    expect(operation['results']).toMatchObject({ a1: { output: 'late\n' } });
    expect(sshd.ran()).toEqual(['zpool scrub rpool', 'open ']);
  });
});
