import { describe, expect, it } from 'vitest';
import { ManualClock } from '../kernel/clock.ts';
import { seededIds } from '../kernel/ids.ts';
import { Simulator } from './simulator.ts';
import { call, data, runTask, simulate, taskStatus } from './testing.ts';

const WEB = '/nodes/pve2/qemu/121';

describe('a simulated cluster', () => {
  it('clones a template, starts the clone, and its agent answers 8 seconds later', () => {
    const sim = simulate();
    expect(runTask(sim, 'POST /nodes/pve4/qemu/9000/clone', { newid: 500, name: 'fresh' })).toBe('OK');
    expect(
      call(sim, 'PUT /nodes/pve4/qemu/500/config', { ipconfig0: 'ip=192.168.30.50/24,gw=192.168.30.1' }).status,
    ).toBe(200);
    expect(runTask(sim, 'POST /nodes/pve4/qemu/500/status/start')).toBe('OK');
    expect(call(sim, 'POST /nodes/pve4/qemu/500/agent/ping').reason).toBe('QEMU guest agent is not running');
    sim.advance(8_000);
    const { result } = data<{ result: { name: string; 'ip-addresses': { 'ip-address': string }[] }[] }>(
      sim,
      'GET /nodes/pve4/qemu/500/agent/network-get-interfaces',
    );
    expect(result.find(({ name }) => name === 'eth0')?.['ip-addresses'][0]?.['ip-address']).toBe('192.168.30.50');
  });

  it('shows a new guest as unknown in the resource list until pvestatd has spoken', () => {
    const sim = simulate();
    data(sim, 'POST /nodes/pve1/qemu', { vmid: 500, name: 'new' });
    const row = () =>
      data<Record<string, unknown>[]>(sim, 'GET /cluster/resources', { type: 'vm' }).find(({ vmid }) => vmid === 500);
    expect(row()).toEqual({ id: 'qemu/500', vmid: 500, type: 'qemu', node: 'pve1', status: 'unknown', lock: 'create' });
    sim.advance(10_000);
    expect(row()).toMatchObject({ status: 'stopped', name: 'new' });
  });

  it('keeps what a running guest cannot take until it stops', () => {
    const sim = simulate();
    data(sim, `PUT ${WEB}/config`, { cores: 4, description: 'live' });
    expect(data(sim, `GET ${WEB}/config`)).toMatchObject({ cores: 4, description: 'live' });
    expect(data(sim, `GET ${WEB}/config`, { current: 1 })).toMatchObject({ cores: 2, description: 'live' });
    expect(data<unknown[]>(sim, `GET ${WEB}/pending`)).toContainEqual({ key: 'cores', value: 2, pending: 4 });
    data(sim, `PUT ${WEB}/config`, { revert: 'cores' });
    expect(data(sim, `GET ${WEB}/config`)).toMatchObject({ cores: 2 });
    data(sim, `PUT ${WEB}/config`, { memory: 4096 });
    expect(runTask(sim, `POST ${WEB}/status/shutdown`)).toBe('OK');
    expect(data(sim, `GET ${WEB}/config`, { current: 1 })).toMatchObject({ memory: '4096' });
  });

  it('waits in virtual time for a lock that a task holds, and gives up after 10 seconds', () => {
    const sim = simulate();
    sim.inject({ match: { path: '*/shutdown' }, kind: 'delay', delay_ms: 0 });
    const guest = sim.world.guestOn('pve2', 121);
    if (guest.running !== undefined) guest.running.responds = false;
    data(sim, `POST ${WEB}/status/shutdown`, { timeout: 40 });
    sim.advance(100);
    const before = sim.now();
    const answer = call(sim, `PUT ${WEB}/config`, { description: 'x' });
    expect(answer).toMatchObject({
      status: 500,
      reason: "can't lock file '/var/lock/qemu-server/lock-121.conf' - got timeout",
    });
    expect(sim.now() - before).toBe(10_000);
    sim.settle();
    expect(call(sim, `PUT ${WEB}/config`, { description: 'x' }).status).toBe(200);
  });

  it('refuses a stale digest and accepts the fresh one', () => {
    const sim = simulate();
    const { digest } = data<{ digest: string }>(sim, `GET ${WEB}/config`);
    expect(call(sim, `PUT ${WEB}/config`, { description: 'a', digest }).status).toBe(200);
    expect(call(sim, `PUT ${WEB}/config`, { description: 'b', digest }).reason).toBe(
      'checksum mismatch (file change by other user?)',
    );
  });

  it('does not destroy a template that linked clones need', () => {
    const sim = simulate();
    expect(runTask(sim, 'DELETE /nodes/pve4/qemu/9000')).toMatch(/is still in use by linked cloned/);
    expect(sim.objects().has('vm/9000')).toBe(true);
  });

  it('goes on after a restart, with the tasks of before dead', () => {
    const sim = simulate();
    const upid = data<string>(sim, `POST ${WEB}/status/stop`);
    const clock = new ManualClock();
    const again = Simulator.load(sim.save(), { ids: seededIds('again', clock), now: clock.now() });
    expect(taskStatus(again, upid)).toBe('unexpected status');
    expect(again.objects()).toEqual(sim.objects());
  });
});

describe('faults', () => {
  it('cut the connection before or after the call was executed', () => {
    const sim = simulate();
    sim.inject({ match: { method: 'PUT', path: '*/config' }, kind: 'cut-before' });
    expect(call(sim, `PUT ${WEB}/config`, { description: 'one' })).toMatchObject({ status: 0, reason: 'cut' });
    expect(data(sim, `GET ${WEB}/config`).description).toBe('Public web applications');
    sim.inject({ match: { method: 'PUT', path: '^/nodes/[^/]+/qemu/121/config$' }, kind: 'cut-after' });
    expect(call(sim, `PUT ${WEB}/config`, { description: 'two' })).toMatchObject({ status: 0, reason: 'cut' });
    expect(data(sim, `GET ${WEB}/config`).description).toBe('two');
    expect(call(sim, `PUT ${WEB}/config`, { description: 'three' }).status).toBe(200);
  });

  it('hit the nth call, as often as they are told', () => {
    const sim = simulate();
    sim.inject({ match: { path: '/version', nth: 2, times: 2 }, kind: 'status', status: 595 });
    expect([1, 2, 3, 4].map(() => call(sim, 'GET /version').status)).toEqual([200, 595, 595, 200]);
  });

  it('fail a task, with nothing left of it', () => {
    const sim = simulate();
    const before = sim.objects();
    sim.inject({ match: { path: '*/clone' }, kind: 'task-fail', exitstatus: 'disk full' });
    expect(runTask(sim, 'POST /nodes/pve4/qemu/9000/clone', { newid: 500 })).toBe('disk full');
    expect(sim.objects()).toEqual(before);
  });

  it('let the record of a task vanish after its work', () => {
    const sim = simulate();
    sim.inject({ match: { path: '*/stop' }, kind: 'task-vanish' });
    const upid = data<string>(sim, `POST ${WEB}/status/stop`);
    sim.settle();
    expect(call(sim, `GET /nodes/pve2/tasks/${encodeURIComponent(upid)}/status`).body).toMatchObject({
      errors: { upid: 'no such task' },
    });
    expect(sim.objects().get('vm/121')?.status).toBe('stopped');
  });
});

describe('a twin of which only a part was read', () => {
  const clock = new ManualClock();
  const resources = [
    {
      id: 'qemu/101',
      vmid: 101,
      type: 'qemu',
      node: 'pve1',
      name: 'a',
      status: 'stopped',
      template: 0,
      maxcpu: 1,
      maxmem: 2 ** 30,
      maxdisk: 2 ** 33,
    },
    {
      id: 'qemu/102',
      vmid: 102,
      type: 'qemu',
      node: 'pve1',
      name: 'b',
      status: 'running',
      template: 0,
      maxcpu: 1,
      maxmem: 2 ** 30,
      maxdisk: 2 ** 33,
      lock: 'backup',
    },
  ];
  const reads: Record<string, unknown> = {
    'GET /nodes': [{ node: 'pve1', status: 'online', maxcpu: 4, uptime: 100 }],
    'GET /cluster/resources': resources,
  };
  const details: Record<string, unknown> = {
    'GET /nodes/pve1/qemu/101/config': {
      name: 'a',
      net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0',
      'new-key-of-pve10': 'kept',
      digest: '0123456789012345678901234567890123456789',
    },
    'GET /nodes/pve1/qemu/101/status/current': { status: 'stopped' },
    'GET /nodes/pve1/qemu/101/pending': [
      { key: 'name', value: 'a' },
      { key: 'net0', value: 'virtio=BC:24:11:00:00:01,bridge=vmbr0' },
      { key: 'new-key-of-pve10', value: 'kept' },
    ],
    'GET /nodes/pve1/qemu/101/snapshot': [{ name: 'current', running: 0 }],
    'GET /storage': [],
  };
  const twin = (capture: Record<string, unknown>): Simulator =>
    Simulator.fromCapture(capture, { ids: seededIds('twin', clock), now: clock.now(), partial: true });

  it('names everything that is missing at once and changes nothing', () => {
    const sim = twin(reads);
    const before = sim.objects();
    const answer = call(sim, 'POST /nodes/pve1/qemu/101/status/start', {}, 'agent@pve!control');
    expect(answer).toMatchObject({ status: 0, reason: 'not read', body: null });
    expect(answer.missing).toEqual([
      ...Object.keys(details).filter((key) => key !== 'GET /storage'),
      'GET /storage',
      'GET /nodes/pve1/network',
    ]);
    expect(sim.objects()).toEqual(before);
  });

  it('goes through once that was read, with keys and digest as they are', () => {
    const network = { 'GET /nodes/pve1/network': [{ iface: 'vmbr0', type: 'bridge', active: 1 }] };
    const sim = twin({ ...reads, ...details, ...network });
    expect(data(sim, 'GET /nodes/pve1/qemu/101/config', {}, 'agent@pve!control')).toMatchObject({
      'new-key-of-pve10': 'kept',
      digest: '0123456789012345678901234567890123456789',
    });
    const upid = data<string>(sim, 'POST /nodes/pve1/qemu/101/status/start', {}, 'agent@pve!control');
    expect(upid).toContain(':qmstart:101:agent@pve!control:');
    sim.settle();
    expect(sim.objects().get('vm/101')?.status).toBe('running');
  });

  it('knows ids and locks of guests it has not read', () => {
    const sim = twin({ ...reads, ...details });
    expect(call(sim, 'POST /nodes/pve1/qemu', { vmid: 102 }).reason).toBe(
      "unable to create VM 102 - VM 102 already exists on node 'pve1'",
    );
    expect(sim.objects().get('vm/102')).toEqual({ node: 'pve1', name: 'b', status: 'running', lock: 'backup' });
  });
});
