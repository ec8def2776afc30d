import { describe, expect, it } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { Secret } from '../kernel/secret.ts';
import { createPveApi, type PveApi } from '../proxmox/index.ts';
import { NotRead, Simulator } from '../simulator/index.ts';
import { seededIds } from '../kernel/ids.ts';
import { buildTwin, guestKeys, readInto, type Capture } from './twin.ts';

const NOW = Date.UTC(2026, 10, 20, 9);
const principal = 'agent@pve!control';
const GUEST = { node: 'pve4', vmid: 301 };

/** A live lab that keeps count of what is read of it. */
function lab(): { api: PveApi; reads: string[] } {
  const simulator = Simulator.fromWorld('enterprise', { ids: seededIds('live', systemClock), now: NOW });
  const reads: string[] = [];
  const api = createPveApi(
    ({ method, path, params = {} }) => {
      reads.push(`${method} ${path}`);
      return Promise.resolve(simulator.handle({ method, path, params: params as Record<string, string>, principal }));
    },
    { principal, clock: systemClock, log: silentLogger },
  );
  return { api, reads };
}

async function seeded(...more: string[]): Promise<{ capture: Capture; live: ReturnType<typeof lab> }> {
  const live = lab();
  const capture: Capture = {};
  await readInto(capture, ['GET /cluster/resources', 'GET /storage', ...more], live.api);
  return { capture, live };
}
const twinOf = (capture: Capture) => buildTwin(capture, { principal, now: NOW });

describe('a twin', () => {
  it('names what it would need to know of a guest that was not read', async () => {
    const { capture } = await seeded();
    const ask = twinOf(capture).api.get('/nodes/pve4/qemu/301/config');
    await expect(ask).rejects.toThrow(NotRead);
    await expect(ask).rejects.toMatchObject({ missing: expect.arrayContaining(guestKeys(GUEST)) });
  });

  it('stands as the live lab did, and going on changes the twin alone', async () => {
    const { capture, live } = await seeded(...guestKeys(GUEST), 'GET /nodes/pve4/network');
    const twin = twinOf(capture);
    expect(await twin.api.get('/nodes/pve4/qemu/301/config')).toEqual(
      await live.api.get('/nodes/pve4/qemu/301/config'),
    );
    const { data } = await twin.api.call({ method: 'POST', path: '/nodes/pve4/qemu/301/status/start' });
    expect(await twin.api.waitTask(String(data))).toMatchObject({ ok: true });
    expect(await twin.api.get('/nodes/pve4/qemu/301/status/current')).toMatchObject({ status: 'running' });
    expect(await live.api.get('/nodes/pve4/qemu/301/status/current')).toMatchObject({ status: 'stopped' });
    expect(live.reads.every((read) => read.startsWith('GET '))).toBe(true);
  });

  it('does the same every time, random addresses included', async () => {
    const { capture } = await seeded(...guestKeys({ node: 'pve4', vmid: 9000 }), 'GET /nodes/pve4/network');
    const clone = async (): Promise<unknown> => {
      const twin = twinOf(capture);
      const params = { newid: 500, name: 'copy' };
      const { data } = await twin.api.call({ method: 'POST', path: '/nodes/pve4/qemu/9000/clone', params });
      await twin.api.waitTask(String(data));
      return twin.api.get('/nodes/pve4/qemu/500/config');
    };
    expect(await clone()).toEqual(await clone());
  });

  it('gets secrets as they are, as Proxmox VE would', async () => {
    const { capture } = await seeded(...guestKeys(GUEST));
    const twin = twinOf(capture);
    const params = { cipassword: new Secret('plain-words') };
    await twin.api.call({ method: 'PUT', path: '/nodes/pve4/qemu/301/config', params });
    expect(await twin.api.get('/nodes/pve4/qemu/301/config')).toMatchObject({ cipassword: '**********' });
  });
});

describe('reading what is missing', () => {
  it('is refused a second time, for it could never end', async () => {
    const { capture, live } = await seeded();
    await expect(readInto(capture, ['GET /storage'], live.api)).rejects.toThrow(
      expect.objectContaining({
        code: 'PREFLIGHT_FAILED',
        message: 'The change cannot be rehearsed without GET /storage.',
      }),
    );
  });

  it('keeps what Proxmox VE refused, and says so when it is needed again', async () => {
    const { capture, live } = await seeded('GET /nodes/pve4/qemu/999/config');
    await expect(readInto(capture, ['GET /nodes/pve4/qemu/999/config'], live.api)).rejects.toThrow(
      /which Proxmox VE refused: .*999.conf' does not exist/,
    );
  });
});
