import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../kernel/clock.ts';
import { seededIds } from '../../kernel/ids.ts';
import { Simulator } from '../simulator.ts';
import { call, data, runTask, simulate } from '../testing.ts';

interface Task {
  readonly node: string;
  readonly user: string;
  readonly type: string;
  readonly status?: string;
}

describe('lists of tasks', () => {
  it('show the cluster 25 of each node, what runs first', () => {
    const sim = simulate();
    for (let run = 0; run < 15; run++) {
      runTask(sim, 'POST /nodes/pve1/qemu/101/status/stop');
      runTask(sim, 'POST /nodes/pve1/qemu/101/status/start');
    }
    runTask(sim, 'POST /nodes/pve2/qemu/102/status/stop', {}, 'ops@pve');
    data(sim, 'POST /nodes/pve1/qemu/101/status/shutdown');
    const tasks = data<Task[]>(sim, 'GET /cluster/tasks');
    expect(tasks.filter(({ node }) => node === 'pve1')).toHaveLength(25);
    expect(tasks[0]).toMatchObject({ type: 'qmshutdown', saved: '0' });
    expect(tasks[0]).not.toHaveProperty('status');
    const own = data<Task[]>(sim, 'GET /cluster/tasks', {}, 'ops@pve');
    expect(new Set(own.map(({ user }) => user))).toEqual(new Set(['ops@pve']));
  });

  it('leave the total out when there is nothing', () => {
    const sim = simulate('empty');
    expect(call(sim, 'GET /nodes/pve1/tasks').body).toEqual({ data: [] });
  });
});

describe('what a capture tells of the past', () => {
  const user = 'root@pam';
  const rest = { node: 'a', id: '100', user, pid: 1, starttime: 1000, endtime: 1001, status: 'OK' };
  const task = (pstart: number, type: string, more: object = {}) => ({
    upid: `UPID:a:00000001:${pstart.toString(16).padStart(8, '0')}:000003E8:${type}:100:${user}:`,
    ...rest,
    type,
    pstart,
    ...more,
  });
  const line = { uid: '7', node: 'a', user, tag: 'pvedaemon', pri: 6, pid: 1, time: 1000, msg: 'hello' };
  const sim = Simulator.fromCapture(
    {
      'GET /nodes': [{ node: 'a', status: 'online' }],
      'GET /nodes/a/tasks': { total: 2, data: [task(2, 'qmstop'), task(1, 'qmstart', { status: 'no' })] },
      'GET /cluster/log': [{ ...line, uid: '8', msg: 'again' }, line],
      'GET /access/users': [{ userid: user }],
    },
    { ids: seededIds('past', new ManualClock()), now: 1_002_000 },
  );

  it('is listed and filtered, newest first', () => {
    const list = (params = {}): Task[] => data(sim, 'GET /nodes/a/tasks', params);
    expect(list().map(({ type }) => type)).toEqual(['qmstop', 'qmstart']);
    expect(list({ errors: 1 })).toMatchObject([{ type: 'qmstart', status: 'no' }]);
    // Only the end that came last is not yet written down.
    expect(data<{ saved: unknown }[]>(sim, 'GET /cluster/tasks').map(({ saved }) => saved)).toEqual([1, '1']);
  });

  it('goes on in the log', () => {
    data(sim, 'POST /nodes/a/qemu/100/status/start');
    const lines = data<{ id: string; msg: string }[]>(sim, 'GET /cluster/log');
    expect(lines.slice(1).map(({ msg }) => msg)).toEqual(['again', 'hello']);
    expect(lines[0]?.id).toBe('9:a');
  });
});

describe('the log of the cluster', () => {
  it('has a line for each start and end, one’s own without the right to read all', () => {
    const sim = simulate();
    runTask(sim, 'POST /nodes/pve2/qemu/102/status/stop', {}, 'ops@pve');
    runTask(sim, 'POST /nodes/pve2/qemu/102/status/stop');
    const lines = data<{ msg: string; pri: number; uid: string; id: string }[]>(sim, 'GET /cluster/log', { max: 2 });
    expect(lines.map(({ msg }) => msg.split(' ').slice(0, 2).join(' '))).toEqual(['end task', 'starting task']);
    expect(lines[0]?.id).toBe(`${lines[0]?.uid}:pve2`);
    expect(data<object[]>(sim, 'GET /cluster/log', {}, 'ops@pve')).toHaveLength(2);
    runTask(sim, 'POST /nodes/pve2/qemu/999/status/start');
    expect(data<{ pri: number }[]>(sim, 'GET /cluster/log')[0]?.pri).toBe(3);
  });
});
