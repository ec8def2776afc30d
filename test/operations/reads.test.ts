import { describe, expect, it } from 'vitest';
import { seededIds } from '../../src/kernel/ids.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Simulator } from '../../src/simulator/index.ts';
import { captureOf } from '../../tools/bench/lab.ts';
import { Harness, temporaryDirectory } from '../support/harness.ts';
import { inProcessApi, labClock } from '../support/lab.ts';
import type { PveApi } from '../../src/proxmox/index.ts';

describe('planning', () => {
  it.each([10, 2_000])('for one guest reads the same few paths in a lab of %i guests', async (guests) => {
    const simulator = Simulator.fromCapture(captureOf(guests), {
      ids: seededIds('reads', systemClock),
      now: Date.UTC(2026, 10, 20),
    });
    const clock = labClock(simulator);
    const direct = inProcessApi(simulator, 'root@pam', clock);
    const paths: string[] = [];
    const api: PveApi = {
      ...direct,
      get: (path, params) => {
        paths.push(path);
        return direct.get(path, params);
      },
    };
    const directory = temporaryDirectory();
    const life = new Harness({ api, clock, directory: directory.path });
    const plan = await life.plan({ action: 'vm.start', target: 'vm/1000' });
    await life.close();
    directory.remove();
    expect(plan['state']).toBe('approved');
    const guest = '/nodes/pve1/qemu/1000';
    expect(paths.sort()).toEqual(
      [
        '/access/permissions',
        '/cluster/backup',
        '/cluster/ha/resources',
        '/cluster/ha/rules',
        '/cluster/replication',
        '/cluster/resources',
        `${guest}/config`,
        `${guest}/pending`,
        `${guest}/snapshot`,
        `${guest}/status/current`,
        '/nodes/pve1/network',
        '/storage',
      ].sort(),
    );
  });
});

describe('what the token may not read', () => {
  it('is said instead of guessed, and does not keep the rest from being planned', async () => {
    const simulator = Simulator.fromCapture(captureOf(3), {
      ids: seededIds('reads', systemClock),
      now: Date.UTC(2026, 10, 20),
    });
    simulator.inject({
      match: { method: 'GET', path: '/nodes/pve1/network', times: 0 },
      kind: 'status',
      status: 403,
      message: 'Permission check failed (/nodes/pve1, Sys.Audit)',
    });
    const clock = labClock(simulator);
    const directory = temporaryDirectory();
    const life = new Harness({ api: inProcessApi(simulator, 'root@pam', clock), clock, directory: directory.path });
    const plan = await life.plan({ action: 'vm.start', target: 'vm/1000' });
    await life.close();
    directory.remove();
    expect(plan['state']).toBe('approved');
    const checks = plan['preflight'] as { check: string; result: string; detail: string }[];
    expect(checks.find(({ check }) => check === 'not rehearsed')).toMatchObject({
      result: 'warn',
      detail: expect.stringContaining('/nodes/pve1/network') as string,
    });
  });
});
