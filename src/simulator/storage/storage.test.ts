import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../kernel/clock.ts';
import { startServer } from '../server/server.ts';
import { call, data, runTask, simulate } from '../testing.ts';

describe('storages', () => {
  it('fill with what is written to them, and are as before once it is gone', () => {
    const sim = simulate();
    const used = (node: string, storage: string): number =>
      data<{ used: number }>(sim, `GET /nodes/${node}/storage/${storage}/status`).used;
    const before = [used('pve4', 'local-lvm'), used('pve1', 'local-lvm'), used('pve1', 'nas')];
    runTask(sim, 'POST /nodes/pve4/qemu/9002/clone', { newid: 500, full: 1 });
    const bytes = [...sim.world.state.volumes.values()]
      .filter(({ vmid }) => vmid === 500)
      .reduce((sum, volume) => sum + volume.used, 0);
    expect(bytes).toBeGreaterThan(1e9);
    expect(used('pve4', 'local-lvm') - (before[0] ?? 0)).toBe(bytes);
    runTask(sim, 'POST /nodes/pve4/vzdump', { vmid: 500, storage: 'nas' });
    expect(used('pve1', 'nas')).toBeGreaterThan(before[2] ?? 0);
    runTask(sim, 'DELETE /nodes/pve4/qemu/500');
    expect(used('pve4', 'local-lvm')).toBe(before[0]);
    expect(used('pve1', 'local-lvm')).toBe(before[1]);
  });

  it('are checked by type', () => {
    const sim = simulate();
    const add = (params: Record<string, string>) => call(sim, 'POST /storage', { storage: 'new', ...params }).reason;
    expect(add({ type: 'nfs', server: '10.0.0.1' })).toBe("missing value for required option 'export'");
    expect(add({ type: 'dir', path: '/srv/x', vgname: 'pve' })).toBe("unexpected property 'vgname'");
    expect(add({ type: 'lvm', vgname: 'nope' })).toBe("create storage failed: no such volume group 'nope'");
    expect(add({ type: 'nfs', server: '192.0.2.9', export: '/x' })).toBe(
      "create storage failed: storage 'new' is not online",
    );
    expect(add({ type: 'nfs', server: '192.168.10.5', export: '/x', content: 'iso' })).toBe('OK');
    expect(data(sim, 'GET /storage/new')).toMatchObject({ shared: 1, path: '/mnt/pve/new', content: 'iso' });
    expect(call(sim, 'PUT /storage/new', { server: '10.0.0.2' }).reason).toMatch(
      /^update storage failed: can't change/,
    );
    expect(call(sim, 'PUT /storage/new', { delete: 'export' }).reason).toMatch(
      /unable to delete required option 'export'$/,
    );
  });

  it('show up in the resource list when pvestatd has been by', () => {
    const sim = simulate();
    data(sim, 'POST /storage', { storage: 'fresh', type: 'dir', path: '/srv/fresh', nodes: 'pve2' });
    const row = () =>
      data<Record<string, unknown>[]>(sim, 'GET /cluster/resources', { type: 'storage' }).find(
        ({ storage }) => storage === 'fresh',
      );
    expect(row()).toMatchObject({ node: 'pve2', status: 'unknown' });
    expect(row()).not.toHaveProperty('maxdisk');
    sim.advance(10_000);
    expect(row()).toMatchObject({ status: 'available', plugintype: 'dir' });
  });
});

describe('volumes', () => {
  it('have names that their storage can read', () => {
    const sim = simulate();
    const make = (storage: string, filename: string, more = {}) =>
      call(sim, `POST /nodes/pve1/storage/${storage}/content`, { vmid: 101, size: '1G', filename, ...more }).reason;
    expect(make('local-lvm', 'disk')).toBe("illegal name 'disk' - should be 'vm-101-*'");
    expect(make('local-lvm', 'vm-101-disk-9', { format: 'qcow2' })).toBe("unsupported format 'qcow2'");
    expect(make('nas', 'x')).toBe("unable to parse volume filename 'x'");
    expect(make('nas', 'x.qcow2', { format: 'raw' })).toBe('Parameter verification failed.');
    expect(make('nas', 'x.qcow2')).toBe('OK');
    const wrong = call(sim, 'GET /nodes/pve1/storage/nas/content/nas:strange/x').reason;
    expect(wrong).toBe("unable to parse directory volume name 'strange/x'");
  });

  it('are deleted within the delay, or by the task; protected ones stay', () => {
    const sim = simulate();
    const backup = runTask(sim, 'POST /nodes/pve1/vzdump', { vmid: 101, storage: 'nas' });
    expect(backup).toBe('OK');
    const list = () => data<{ volid: string }[]>(sim, 'GET /nodes/pve1/storage/nas/content', { content: 'backup' });
    const volid = list()[0]?.volid ?? '';
    const path = `/nodes/pve1/storage/nas/content/${volid}`;
    data(sim, `PUT ${path}`, { protected: 1, notes: 'keep me' });
    expect(call(sim, `DELETE ${path}`, { delay: 10 }).reason).toMatch(/^cannot remove protected volume/);
    data(sim, `PUT ${path}`, { protected: 0 });
    expect(data(sim, `GET ${path}`)).toMatchObject({ notes: 'keep me' });
    const before = sim.now();
    expect(data(sim, `DELETE ${path}`, { delay: 10 })).toBeNull();
    expect(sim.now() - before).toBeLessThan(10_000);
    expect(list()).toEqual([]);
  });

  it('are downloaded, but neither over another file nor from nowhere', () => {
    const sim = simulate();
    const get = (url: string) =>
      runTask(sim, 'POST /nodes/pve1/storage/nas/download-url', { content: 'iso', filename: 'a b.iso', url });
    expect(get('https://files.invalid/x.iso')).toMatch(/^download failed: /);
    expect(get('https://files.homelab.local/x.iso')).toBe('OK');
    expect(get('https://files.homelab.local/x.iso')).toMatch(/^refusing to override existing file '.*a_b\.iso'$/);
  });
});

describe('an upload', () => {
  it('arrives in pieces, with its checksum looked at', async () => {
    const simulator = simulate();
    const options = {
      simulator,
      clock: systemClock,
      speed: 'instant',
      host: '127.0.0.1',
      port: 0,
      control: true,
    } as const;
    const server = await startServer(options);
    const bytes = Buffer.alloc(300_000, '\r\n--');
    const send = async (checksum: string): Promise<string> => {
      const form = new FormData();
      form.set('content', 'iso');
      form.set('checksum-algorithm', 'sha256');
      form.set('checksum', checksum);
      form.set('filename', new Blob([bytes]), 'up.iso');
      const answer = await fetch(`${server.url}/api2/json/nodes/pve1/storage/nas/upload`, {
        method: 'POST',
        headers: { 'X-Simulator-As': 'root@pam' },
        body: form,
      });
      const { data: upid } = (await answer.json()) as { data: string };
      return simulator.world.tasks.find(upid)?.exitstatus ?? '';
    };
    try {
      expect(await send('0'.repeat(64))).toMatch(/^checksum mismatch: got/);
      expect(await send(createHash('sha256').update(bytes).digest('hex'))).toBe('OK');
      expect(data(simulator, 'GET /nodes/pve1/storage/nas/content/nas:iso/up.iso')).toMatchObject({ size: 300_000 });
    } finally {
      await server.close();
    }
  });

  it('are copied under another name, to another storage or node', () => {
    const sim = simulate();
    const volumes = '/nodes/pve1/storage/nas/content';
    const [image] = data<{ volid: string; size: number }[]>(sim, `GET ${volumes}`, { content: 'images' });
    const from = `POST ${volumes}/${encodeURIComponent(image?.volid ?? '')}`;
    const name = `999/vm-999-disk-0.${image?.volid.split('.').at(-1)}`;
    expect(runTask(sim, from, { target: `nas:${name}` })).toBe('OK');
    expect(data(sim, `GET ${volumes}`, { vmid: 999 })).toMatchObject([{ volid: `nas:${name}`, size: image?.size }]);
    expect(runTask(sim, from, { target: name })).toBe(`volume 'nas:${name}' already exists`);
  });

  it('may lie at an address, which can be looked at first', () => {
    const look = (url: string) => call(simulate(), 'GET /nodes/pve1/query-url-metadata', { url });
    expect(look('https://images.example.net/b.iso?x=/y').body).toMatchObject({ data: { filename: 'b.iso' } });
    expect(look('https://192.0.2.1/a.iso').reason).toBe("500 Can't connect to 192.0.2.1:443 (Connection timed out)");
    expect(look('nonsense').status).toBeGreaterThanOrEqual(400);
  });
});
