import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateKeyPairSync } from 'node:crypto';
import { isAgentError } from '../../kernel/errors.ts';
import { Secret } from '../../kernel/secret.ts';
import type { PveApi } from '../types.ts';
import { withHosts } from './api.ts';
import { sshExec } from './exec.ts';
import type { SshAccess } from './hosts.ts';
import { startSshd, type TestSshd } from './testing.ts';

const nobody: PveApi = {
  principal: 'agent@pve!control',
  call: ({ path }) => Promise.resolve({ data: `pve ${path}` }),
  get: (path) => Promise.resolve(`pve ${path}`),
  waitTask: () => Promise.reject(new Error('no task')),
};

describe.skipIf(!existsSync('/usr/sbin/sshd') && process.env['REQUIRE_ALL'] !== '1')('a host over SSH', () => {
  let sshd: TestSshd;
  beforeEach(async () => {
    sshd = await startSshd('pve1');
  });
  afterEach(() => sshd.stop());

  const api = (change: Partial<SshAccess> = {}): PveApi => {
    const access = { ...sshd.access, ...change };
    return withHosts(nobody, access, sshExec(access));
  };
  const start = (id: string, argv: string[], over = api(), signal?: AbortSignal) =>
    over.call({
      method: 'POST',
      path: '/ssh/pve1/run',
      params: { argv, id },
      ...(signal === undefined ? {} : { signal }),
    });
  const refusal = (answer: Promise<unknown>): Promise<{ message: string; sent: unknown }> =>
    answer.then(
      () => ({ message: 'not refused', sent: undefined }),
      (error: unknown) => {
        if (!isAgentError(error)) throw error;
        return { message: error.message, sent: error.details.more?.['sent'] };
      },
    );

  it('runs a command once under its id, word for word', async () => {
    sshd.program('tool', 'printf "%s|" "$@"; exit 3');
    const words = ['tool', 'a b', `it's`, '$(id)', ';', '*', '', 'ü'];
    expect(await start('one', words)).toEqual({ data: { exit: 3, output: `a b|it's|$(id)|;|*||ü|` } });
    expect(await start('one', words)).toEqual({ data: { exit: 3, output: `a b|it's|$(id)|;|*||ü|` } });
    expect(sshd.ran()).toHaveLength(1);
    expect(await api().get('/ssh/pve1/runs/one')).toMatchObject({ state: 'ended', exit: 3 });
    expect(await api().get('/ssh/pve1/runs/two')).toEqual({ state: 'absent' });
  });

  it('lets a command go on whose caller turned away, and finds it again', async () => {
    sshd.program('slow', `until [ -e '${sshd.home}/gate' ]; do sleep 0.05; done; echo late`);
    const over = new AbortController();
    const first = start('one', ['slow'], api(), over.signal);
    const turnedAway = expect(first).rejects.toThrow('enough');
    while (((await api().get('/ssh/pve1/runs/one')) as { state: string }).state !== 'running');
    over.abort(new Error('enough'));
    await turnedAway;
    expect(await api().get('/ssh/pve1/runs/one')).toEqual({ state: 'running' });
    const second = start('one', ['slow']);
    writeFileSync(join(sshd.home, 'gate'), '');
    expect(await second).toEqual({ data: { exit: 0, output: 'late\n' } });
    expect(sshd.ran()).toEqual(['slow ']);
  });

  it('talks to no host with another key, and says which it showed', async () => {
    const [host] = Object.values(sshd.access.hosts);
    const other = { pve1: { address: '127.0.0.1', port: host?.port ?? 0, hostKey: `SHA256:${'A'.repeat(43)}` } };
    const { message, sent } = await refusal(start('one', ['true'], api({ hosts: other })));
    expect(message).toContain(`it shows the host key ${host?.hostKey}, not SHA256:AAAA`);
    expect(sent).toBe('no');
  });

  it('says that a command certainly did not run where nobody could log in', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const stranger = new Secret(privateKey.export({ type: 'sec1', format: 'pem' }) as string);
    for (const over of [api({ key: stranger }), api({ key: new Secret('not a key: hunter2') })]) {
      const { message, sent } = await refusal(start('one', ['true'], over));
      expect(sent).toBe('no');
      expect(message).toMatch(/^SSH to pve1 got no answer: .* It was not executed\.$/);
      expect(message).not.toContain('hunter2');
    }
    await sshd.stop();
    expect(await refusal(start('one', ['true']))).toMatchObject({ sent: 'no' });
    sshd = await startSshd('pve1');
  });

  it('does not wait for a peer that dies in the middle of the handshake, or says nothing at all', async () => {
    const dying = createServer((socket) => socket.once('data', () => socket.destroy()));
    const silent = createServer(() => {});
    for (const server of [dying, silent]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const [host] = Object.values(sshd.access.hosts);
      const hosts = { pve1: { address: '127.0.0.1', port, hostKey: host?.hostKey ?? '' } };
      const over = new AbortController();
      const answer = start('one', ['true'], api({ hosts }), over.signal);
      if (server === dying) expect((await refusal(answer)).sent).toBe('no');
      else {
        await once(server, 'connection');
        over.abort(new Error('enough'));
        await expect(answer).rejects.toThrow('enough');
      }
      server.close();
    }
  });

  it('says that a command may have run whose connection was cut', async () => {
    sshd.program('slow', `until [ -e '${sshd.home}/gate' ]; do sleep 0.05; done; echo late`);
    const first = refusal(start('one', ['slow']));
    while (((await api().get('/ssh/pve1/runs/one')) as { state: string }).state !== 'running');
    sshd.cut();
    expect((await first).sent).toBe('maybe');
    writeFileSync(join(sshd.home, 'gate'), '');
    expect(await start('one', ['slow'])).toEqual({ data: { exit: 0, output: 'late\n' } });
    expect(sshd.ran()).toEqual(['slow ']);
  });

  it('is beside Proxmox VE’s own paths, which it leaves alone', async () => {
    const [host] = Object.values(sshd.access.hosts);
    const { user } = sshd.access;
    expect(await api().get('/ssh/pve1')).toEqual({
      user,
      address: '127.0.0.1',
      port: host?.port,
      host_key: host?.hostKey,
    });
    expect(await api().get('/ssh/pve9')).toBeNull();
    expect(await api().get('/nodes')).toBe('pve /nodes');
    expect(await withHosts(nobody).get('/ssh/pve1')).toBeNull();
  });
});
