import { describe, expect, it } from 'vitest';
import { call, data, runTask, simulate } from '../testing.ts';

describe('what a node has', () => {
  it('is told of its QEMU, its packages and its certificate', () => {
    const sim = simulate();
    const models = data<{ name: string }[]>(sim, 'GET /nodes/pve1/capabilities/qemu/cpu').map(({ name }) => name);
    expect(models).toEqual(expect.arrayContaining(['host', 'x86-64-v2-AES', 'EPYC']));
    const machines = data<{ id: string }[]>(sim, 'GET /nodes/pve1/capabilities/qemu/machines').map(({ id }) => id);
    expect(machines).toEqual(expect.arrayContaining(['pc-q35-10.0', 'pc-i440fx-9.2']));
    expect(data(sim, 'GET /nodes/pve1/apt/versions')).toContainEqual(
      expect.objectContaining({ Package: 'pve-manager', CurrentState: 'Installed' }),
    );
    expect(data(sim, 'GET /nodes/pve1/certificates/info')).toMatchObject([{ filename: 'pve-ssl.pem' }]);
    sim.world.state.documents['/nodes/pve1/capabilities/qemu/cpu'] = [];
    expect(data(sim, 'GET /nodes/pve1/capabilities/qemu/cpu')).toEqual([]);
  });

  it('is not subscribed until somebody enters a key', () => {
    const sim = simulate();
    const path = '/nodes/pve1/subscription';
    expect(data(sim, `GET ${path}`)).toMatchObject({ status: 'notfound' });
    expect(call(sim, `PUT ${path}`, { key: 'nonsense' }).status).toBeGreaterThanOrEqual(400);
    data(sim, `PUT ${path}`, { key: 'pve2c-0123456789' });
    expect(data(sim, `GET ${path}`)).toMatchObject({ status: 'new', key: 'pve2c-0123456789' });
    data(sim, `DELETE ${path}`);
    expect(data(sim, `GET ${path}`)).not.toHaveProperty('key');
  });

  it('can fetch templates for containers, which can then be made from them', () => {
    const sim = simulate();
    const [first] = data<{ template: string }[]>(sim, 'GET /nodes/pve1/aplinfo');
    const template = first?.template ?? '';
    data(sim, 'POST /storage', { storage: 'ct', type: 'dir', path: '/mnt/ct', content: 'rootdir,vztmpl' });
    expect(call(sim, 'POST /nodes/pve1/aplinfo', { storage: 'ct', template: 'none' }).status).toBe(400);
    expect(runTask(sim, 'POST /nodes/pve1/aplinfo', { storage: 'ct', template })).toBe('OK');
    const params = { vmid: 800, ostemplate: `ct:vztmpl/${template}`, storage: 'ct' };
    expect(runTask(sim, 'POST /nodes/pve1/lxc', params)).toBe('OK');
  });

  it('takes packages from repositories that can be added and switched off', () => {
    const sim = simulate();
    const path = '/nodes/pve1/apt/repositories';
    interface Shown {
      readonly digest: string;
      readonly files: { path: string; repositories: { Enabled: number }[] }[];
      readonly 'standard-repos': { handle: string; status?: number }[];
    }
    const read = (): Shown => data(sim, `GET ${path}`);
    const { digest } = read();
    data(sim, `PUT ${path}`, { handle: 'no-subscription', digest });
    expect(call(sim, `PUT ${path}`, { handle: 'test', digest }).reason).toContain('detected modified configuration');
    data(sim, `POST ${path}`, { path: '/etc/apt/sources.list.d/pve-enterprise.sources', index: 0, enabled: 0 });
    expect(read()['standard-repos'].map(({ handle, status }) => [handle, status])).toEqual([
      ['enterprise', 0],
      ['no-subscription', 1],
      ['test', undefined],
    ]);
    expect(read().files.map(({ repositories }) => repositories.map(({ Enabled }) => Enabled))).toEqual([[1], [0], [1]]);
  });

  it('finds on other machines what storages take from there', () => {
    const sim = simulate();
    const nas = sim.world.state.storages.get('nas')?.options;
    expect(data(sim, 'GET /nodes/pve1/scan/nfs', { server: String(nas?.server) })).toEqual([
      { path: nas?.export, options: '*' },
    ]);
    expect(data(sim, 'GET /nodes/pve1/scan/nfs', { server: '10.250.0.1' })).toEqual([]);
  });
});
