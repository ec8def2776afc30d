import { describe, expect, it } from 'vitest';
import { call, data, runTask, simulate, taskLog } from '../testing.ts';
import type { Simulator } from '../simulator.ts';

const TEMPLATE = 'local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst';
const at = '/nodes/pve1/lxc';

/** A cluster with a folder that takes containers, and one container in it. */
function withContainer(more: Record<string, string | number> = {}): Simulator {
  const sim = simulate();
  data(sim, 'POST /storage', { storage: 'ct', type: 'dir', path: '/mnt/ct', content: 'rootdir,vztmpl,backup' });
  const { world } = sim;
  world.state.volumes.set(`pve1|${TEMPLATE}`, {
    storage: 'local',
    node: 'pve1',
    name: TEMPLATE.slice('local:'.length),
    size: 100_000_000,
    used: 100_000_000,
    format: 'tzst',
    content: 'vztmpl',
    ctime: 0,
  });
  const params = {
    vmid: 800,
    ostemplate: TEMPLATE,
    storage: 'ct',
    hostname: 'box',
    net0: 'name=eth0,bridge=vmbr0',
    ...more,
  };
  expect(runTask(sim, `POST ${at}`, params)).toBe('OK');
  return sim;
}

describe('a container', () => {
  it('gets a root file system, a MAC address and the distribution of its template', () => {
    const sim = withContainer({ memory: 256 });
    expect(data(sim, `GET ${at}/800/config`)).toMatchObject({
      hostname: 'box',
      memory: 256,
      ostype: 'debian',
      rootfs: 'ct:800/vm-800-disk-0.raw,size=4G',
      net0: expect.stringMatching(/^name=eth0,bridge=vmbr0,hwaddr=BC:24:11:[0-9A-F:]+,type=veth$/) as string,
    });
    expect(call(sim, `POST ${at}`, { vmid: 800, ostemplate: TEMPLATE }).reason).toBe(
      "unable to create CT 800 - CT 800 already exists on node 'pve1'",
    );
  });

  it('is refused at once when it is not in the state that a power call needs', () => {
    const sim = withContainer();
    expect(call(sim, `POST ${at}/800/status/stop`).reason).toBe('CT 800 not running');
    expect(runTask(sim, `POST ${at}/800/status/start`)).toBe('OK');
    expect(call(sim, `POST ${at}/800/status/start`).reason).toBe('CT 800 already running');
    expect(call(sim, `DELETE ${at}/800`).reason).toBe('unable to destroy CT 800 - container is running');
    expect(runTask(sim, `POST ${at}/800/status/shutdown`)).toBe('OK');
    expect(data(sim, `GET ${at}/800/status/current`)).toMatchObject({ status: 'stopped', type: 'lxc' });
  });

  it('keeps cold changes pending while it runs', () => {
    const sim = withContainer();
    runTask(sim, `POST ${at}/800/status/start`);
    data(sim, `PUT ${at}/800/config`, { memory: 1024, features: 'nesting=1' });
    expect(data(sim, `GET ${at}/800/config`, { current: 1 })).toMatchObject({ memory: 1024 });
    expect(data(sim, `GET ${at}/800/config`, { current: 1 })).not.toHaveProperty('features');
    runTask(sim, `POST ${at}/800/status/reboot`);
    expect(data(sim, `GET ${at}/800/config`, { current: 1 })).toMatchObject({ features: 'nesting=1' });
  });

  it('grows, but does not shrink; a mount point that goes is unused, and then gone', () => {
    const sim = withContainer();
    expect(runTask(sim, `PUT ${at}/800/resize`, { disk: 'rootfs', size: '+2G' })).toBe('OK');
    expect(runTask(sim, `PUT ${at}/800/resize`, { disk: 'rootfs', size: '1G' })).toBe('unable to shrink disk size');
    data(sim, `PUT ${at}/800/config`, { mp0: 'ct:1,mp=/data' });
    expect(data(sim, `GET ${at}/800/config`)).toMatchObject({
      rootfs: 'ct:800/vm-800-disk-0.raw,size=6G',
      mp0: 'ct:800/vm-800-disk-1.raw,mp=/data,size=1G',
    });
    data(sim, `PUT ${at}/800/config`, { delete: 'mp0' });
    expect(data(sim, `GET ${at}/800/config`)).toMatchObject({ unused0: 'ct:800/vm-800-disk-1.raw' });
    data(sim, `PUT ${at}/800/config`, { delete: 'unused0' });
    expect(sim.world.state.volumes.has('pve1|ct:800/vm-800-disk-1.raw')).toBe(false);
  });

  it('is cloned in full, moved to another node with its volumes, and destroyed', () => {
    const sim = withContainer();
    expect(runTask(sim, `POST ${at}/800/clone`, { newid: 801, full: 1 })).toBe('OK');
    expect(data(sim, `GET ${at}/801/config`)).toMatchObject({ hostname: 'Copy-of-CT-box' });
    expect(runTask(sim, `POST ${at}/801/migrate`, { target: 'pve2' })).toBe('OK');
    expect(sim.world.state.volumes.has('pve2|ct:801/vm-801-disk-0.raw')).toBe(true);
    expect(runTask(sim, 'DELETE /nodes/pve2/lxc/801')).toBe('OK');
    expect(sim.world.state.volumes.has('pve2|ct:801/vm-801-disk-0.raw')).toBe(false);
  });

  it('may go where its storages are and no rule is against it', () => {
    const sim = withContainer();
    interface Answer {
      readonly 'allowed-nodes': string[];
      readonly 'not-allowed-nodes': Record<string, object>;
    }
    const read = (): Answer => data(sim, `GET ${at}/800/migrate`);
    expect(read()['allowed-nodes']).toContain('pve2');
    data(sim, 'POST /cluster/ha/resources', { sid: 'ct:800', state: 'stopped' });
    data(sim, 'POST /cluster/ha/rules', {
      rule: 'home',
      type: 'node-affinity',
      resources: 'ct:800',
      nodes: 'pve1,pve3',
      strict: 1,
    });
    data(sim, 'PUT /storage/ct', { nodes: 'pve1,pve2' });
    expect(read()['allowed-nodes']).toEqual([]);
    expect(read()['not-allowed-nodes']).toMatchObject({
      pve2: { 'blocking-ha-resources': [{ sid: 'ct:800', cause: 'node-affinity' }] },
      pve3: { unavailable_storages: ['ct'] },
    });
  });

  it('comes back from its backup', () => {
    const sim = withContainer({ tags: 'a' });
    expect(runTask(sim, 'POST /nodes/pve1/vzdump', { vmid: 800, storage: 'ct', compress: 'zstd' })).toBe('OK');
    const [archive] = data<{ volid: string }[]>(sim, 'GET /nodes/pve1/storage/ct/content', { content: 'backup' });
    expect(archive?.volid).toMatch(/^ct:backup\/vzdump-lxc-800-.*\.tar\.zst$/);
    const params = { vmid: 802, ostemplate: archive?.volid ?? '', restore: 1, storage: 'ct', unique: 1 };
    expect(runTask(sim, `POST ${at}`, params)).toBe('OK');
    expect(data(sim, `GET ${at}/802/config`)).toMatchObject({ tags: 'a', rootfs: 'ct:802/vm-802-disk-0.raw,size=4G' });
  });

  it('is not overwritten by the restore of a VM, and loses its snapshots to a restore of its own', () => {
    const sim = withContainer();
    const backup = (): string =>
      [...sim.world.state.volumes.values()].findLast(({ content }) => content === 'backup')?.name ?? '';
    runTask(sim, 'POST /nodes/pve1/vzdump', { vmid: 101, storage: 'nas' });
    const restore = { vmid: 800, archive: `nas:${backup()}`, force: 1 };
    expect(call(sim, 'POST /nodes/pve1/qemu', restore).reason).toBe(
      "unable to restore VM 800 - Configuration file 'nodes/pve1/qemu-server/800.conf' does not exist",
    );
    runTask(sim, 'POST /nodes/pve1/vzdump', { vmid: 800, storage: 'nas' });
    sim.world.guestOn('pve1', 800, 'lxc').snapshots.before = { config: {}, snaptime: 0 };
    const own = { vmid: 800, ostemplate: `nas:${backup()}`, restore: 1, force: 1 };
    expect(runTask(sim, `POST ${at}`, own)).toBe('OK');
    expect(sim.world.guestOn('pve1', 800, 'lxc').snapshots).toEqual({});
  });

  it('is destroyed only when nothing else names it, or when that is purged', () => {
    const sim = withContainer();
    const { replication, ha, haResources, backupJobs, firewall } = sim.world.state;
    data(sim, `PUT ${at}/800/firewall/options`, { enable: 1 });
    data(sim, 'POST /cluster/replication', { id: '800-0', target: 'pve2', type: 'local' });
    expect(call(sim, `DELETE ${at}/800`).reason).toBe(
      "guest '800' is replicated by job '800-0', which has to be removed first",
    );
    data(sim, 'POST /cluster/ha/resources', { sid: 'ct:800', state: 'stopped' });
    data(sim, 'POST /cluster/ha/rules', { rule: 'rr', type: 'node-affinity', resources: 'ct:800', nodes: 'pve1' });
    data(sim, 'POST /cluster/backup', { id: 'jj', schedule: '1:00', storage: 'ct', vmid: '800' });
    expect(call(sim, `DELETE ${at}/800`).reason).toBe(
      'unable to remove CT 800 - used in HA resources and purge parameter not set.',
    );
    const upid = data<string>(sim, `DELETE ${at}/800`, { purge: 1 });
    sim.settle();
    expect(taskLog(sim, upid)).toEqual([
      'purging CT 800 from related configurations..',
      'NOTE: removed CT 800 from HA resource configuration.',
      'TASK OK',
    ]);
    expect(haResources.has('ct:800') || ha.rules.has('rr') || backupJobs.has('jj')).toBe(false);
    expect(replication.has('800-0') || firewall.has('guest/800')).toBe(false);
  });
});
