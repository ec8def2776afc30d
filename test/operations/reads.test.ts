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
