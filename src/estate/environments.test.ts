import { describe, expect, it } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { Secret } from '../kernel/secret.ts';
import { createPveApi } from '../proxmox/index.ts';
import { connect, Estate, type Environment } from './environments.ts';
import { readPermissions } from './permissions.ts';

const deps = { clock: systemClock, log: silentLogger };
const config = (name: string) => ({
  name,
  endpoints: ['https://127.0.0.1:1'],
  auth: { token: { id: `agent@pve!${name}`, secret: new Secret(`secret-of-${name}`) } },
  tls: {},
  production: false,
});

describe('the estate', () => {
  it('finds an environment by name, and names those that there are for another', async () => {
    const estate = new Estate([connect(config('home'), deps), connect(config('work'), deps)]);
    expect(estate.get('work').api.principal).toBe('agent@pve!work');
    expect(() => estate.get('wrok')).toThrow(
      expect.objectContaining({
        code: 'NOT_FOUND',
        message: 'There is no environment "wrok"; configured: home, work.',
      }),
    );
    await estate.close();
  });

  it('gives each environment a client with its own credentials, and shows none', async () => {
    const [home, work] = [connect(config('home'), deps), connect(config('work'), deps)];
    expect(home.api).not.toBe(work.api);
    expect(JSON.stringify([home, work])).not.toContain('secret-of');
    await Promise.all([home.close(), work.close()]);
  });

  it('connects to nothing without credentials', () => {
    expect(() => connect({ ...config('home'), auth: undefined }, deps)).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION_INVALID' }),
    );
  });
});

/** Proxmox VE as far as one answer goes. */
const answering = (status: number, data: unknown): Environment['api'] =>
  createPveApi(
    () => Promise.resolve({ status, reason: 'no', body: status === 200 ? { data } : { data: null, message: 'no' } }),
    { principal: 'agent@pve!a', ...deps },
  );
const RIGHTS = {
  '/': { 'Sys.Audit': 1, 'VM.Audit': 0 },
  '/vms': { 'VM.Clone': 1 },
  '/vms/101': { 'VM.Config.CPU': 1 },
};
const held = async (path: string, privilege: string) =>
  (await readPermissions(answering(200, RIGHTS), [{ path, privilege }]))[0]?.held;

describe('the rights of our own token', () => {
  it.each([
    ['/', 'Sys.Audit', true],
    ['/', 'VM.Audit', true],
    ['/nodes', 'Sys.Audit', true],
    ['/nodes', 'VM.Audit', false],
    ['/vms/102', 'VM.Clone', true],
    ['/vms/101', 'VM.Config.CPU', true],
    ['/vms/101', 'VM.Clone', false],
    ['/vms/101', 'VM.PowerMgmt', false],
  ])('on %s for %s: %s, by the nearest path that has an entry', async (path, privilege, answer) => {
    expect(await held(path, privilege)).toBe(answer);
  });

  it('are not known where Proxmox VE does not say', async () => {
    expect(await readPermissions(answering(403, null), [{ path: '/vms', privilege: 'VM.Audit' }])).toEqual([
      { path: '/vms', privilege: 'VM.Audit', held: null },
    ]);
  });

  it('are asked for once each, and not at all where none is needed', async () => {
    const one = { path: '/vms', privilege: 'VM.Clone' };
    expect(await readPermissions(answering(200, RIGHTS), [one, { ...one }])).toHaveLength(1);
    expect(await readPermissions(answering(500, null), [])).toEqual([]);
  });
});
