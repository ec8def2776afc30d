import { describe, expect, it } from 'vitest';
import { call, data, runTask, simulate, taskStatus } from '../testing.ts';

const vm = '/nodes/pve1/qemu/101';

describe('consoles', () => {
  it('open a port for a viewer, and give up when none comes', () => {
    const sim = simulate();
    const opened = data<Record<string, string>>(sim, `POST ${vm}/vncproxy`, { websocket: 1, 'generate-password': 1 });
    expect(opened).toMatchObject({ user: 'root@pam', port: '5900', password: expect.any(String) as string });
    expect(opened.ticket).toMatch(/^PVEVNC:[0-9A-F]{8}::/);
    expect(data<{ port: string }>(sim, 'POST /nodes/pve1/vncshell').port).toBe('5901');
    sim.settle();
    expect(taskStatus(sim, opened.upid ?? '')).toBe('connection timed out');
  });

  it('need a serial port for a terminal, and a running guest for keys', () => {
    const sim = simulate();
    expect(call(sim, `POST ${vm}/termproxy`, { serial: 'serial3' }).reason).toBe('the VM has no such serial port');
    data(sim, `PUT ${vm}/sendkey`, { key: 'ret' });
    runTask(sim, `POST ${vm}/status/stop`);
    expect(call(sim, `PUT ${vm}/sendkey`, { key: 'ret' }).reason).toBe('VM 101 not running');
  });
});

describe('measured values', () => {
  it('are a series up to now; before a guest ran there is only the time', () => {
    const sim = simulate();
    runTask(sim, `POST ${vm}/status/stop`);
    runTask(sim, `POST ${vm}/status/start`);
    sim.advance(600_000);
    const points = data<{ time: number; cpu?: number; maxmem?: number }[]>(sim, `GET ${vm}/rrddata`, {
      timeframe: 'hour',
    });
    expect(points).toHaveLength(70);
    expect(points.at(-1)).toMatchObject({ cpu: expect.any(Number) as number, maxmem: expect.any(Number) as number });
    expect(Object.keys(points[0] ?? {})).toEqual(['time']);
    expect(points.every(({ time }, at) => at === 0 || time - (points[at - 1]?.time ?? 0) === 60)).toBe(true);
    const node = data<{ memtotal?: number }[]>(sim, 'GET /nodes/pve1/rrddata', { timeframe: 'day' });
    expect(node.at(-1)?.memtotal).toBe(sim.world.nodeState('pve1').maxmem);
    expect(data<{ total: number }[]>(sim, 'GET /nodes/pve1/storage/nas/rrddata', { timeframe: 'year' })[69]).toEqual({
      time: expect.any(Number) as number,
      total: expect.any(Number) as number,
      used: expect.any(Number) as number,
    });
  });
});

describe('migration to another cluster', () => {
  const remote = {
    'target-endpoint': 'host=10.9.9.9,apitoken=PVEAPIToken=root@pam!x=y',
    'target-storage': '1',
    'target-bridge': '1',
  };
  const gone = { ...remote, 'target-endpoint': 'host=192.0.2.1,apitoken=x' };

  it('leaves the guest stopped, or takes it away with its disks', () => {
    const sim = simulate();
    expect(call(sim, `POST ${vm}/remote_migrate`, remote).reason).toBe("can't migrate running VM without --online");
    expect(call(sim, `POST ${vm}/remote_migrate`, { ...gone, online: 1 }).reason).toBe(
      "500 Can't connect to 192.0.2.1:8006 (Connection timed out)",
    );
    expect(runTask(sim, `POST ${vm}/remote_migrate`, { ...remote, online: 1 })).toBe('OK');
    expect(data(sim, `GET ${vm}/status/current`)).toMatchObject({ status: 'stopped' });
    const volumes = sim.world.state.volumes.size;
    expect(runTask(sim, `POST ${vm}/remote_migrate`, { ...remote, delete: 1 })).toBe('OK');
    expect(sim.world.state.guests.has(101)).toBe(false);
    expect(sim.world.state.volumes.size).toBeLessThan(volumes);
  });
});
