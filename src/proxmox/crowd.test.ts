import { expect, test } from 'vitest';
import { ManualClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { createPveApi } from './api.ts';
import type { Transport } from './types.ts';
import { formatUpid } from './upid.ts';

const upidOf = (pid: number): string =>
  formatUpid({ node: 'pve1', pid, pstart: 1, starttime: 1, type: 'vzdump', id: '', user: 'root@pam' });

/** A node whose tasks all end at `end`; counts what it is asked. */
function nodeWith(clock: ManualClock, tasks: readonly string[], end: number) {
  const asked = { list: 0, status: 0, log: 0 };
  const transport: Transport = async ({ path }) => {
    const running = clock.now() < end;
    if (path === '/nodes/pve1/tasks') {
      asked.list++;
      return {
        status: 200,
        reason: 'OK',
        body: {
          data: tasks.map((upid) => ({ upid, ...(running ? { status: 'RUNNING' } : { status: 'OK', endtime: 9 }) })),
        },
      };
    }
    if (path.endsWith('/log')) {
      asked.log++;
      return { status: 200, reason: 'OK', body: { data: [{ n: 1, t: 'working' }], total: 1 } };
    }
    asked.status++;
    return {
      status: 200,
      reason: 'OK',
      body: { data: running ? { status: 'running' } : { status: 'stopped', exitstatus: 'OK' } },
    };
  };
  return { asked, api: createPveApi(transport, { principal: 'root@pam', clock, log: silentLogger }) };
}

test('a thousand tasks of one node are watched by one list a second, and each is asked for once at its end', async () => {
  const clock = new ManualClock(0);
  const tasks = Array.from({ length: 1_000 }, (_, pid) => upidOf(pid));
  const { asked, api } = nodeWith(clock, tasks, 3_600_000);
  const results = await Promise.all(tasks.map((upid) => api.waitTask(upid, { onProgress: () => {} })));
  expect(results.every(({ ok }) => ok)).toBe(true);
  // Until the ninth has come there is no crowd.
  expect(asked.status).toBeLessThanOrEqual(1_010);
  // One request a second, list and logs together, besides what each log held at its task's end.
  expect(asked.list + asked.log - tasks.length).toBeLessThanOrEqual(3_620);
});

test('a few tasks are polled one by one, so that their end is seen at once', async () => {
  const clock = new ManualClock(0);
  const { asked, api } = nodeWith(clock, [upidOf(1), upidOf(2)], 10_000);
  await Promise.all([api.waitTask(upidOf(1)), api.waitTask(upidOf(2))]);
  expect(asked.list).toBe(0);
  expect(asked.status).toBeGreaterThan(4);
});
