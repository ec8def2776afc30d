import { describe, expect, it } from 'vitest';
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
