import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { volumeIds } from './qemu/drives.ts';
import { configText } from './state/guests.ts';
import type { Simulator } from './simulator.ts';
import { call, runTask, simulate } from './testing.ts';

interface Step {
  readonly line: string;
  readonly params: Record<string, string | number>;
}

const NODE = '/nodes/pve4/qemu';
const vmid = fc.integer({ min: 400, max: 404 });
const storage = fc.constantFrom('local-lvm', 'nas');
const slot = fc.constantFrom('scsi1', 'scsi2', 'virtio0', 'unused0');

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ id: vmid, on: storage }).map(({ id, on }) => ({
    line: `POST ${NODE}`,
    params: { vmid: id, memory: 256, scsi0: `${on}:1`, ide2: `${on}:cloudinit` },
  })),
  fc
    .record({ id: vmid, full: fc.constantFrom(0, 1) })
    .map(({ id, full }) => ({ line: `POST ${NODE}/9000/clone`, params: { newid: id, full } })),
  fc
    .record({ from: vmid, id: vmid })
    .map(({ from, id }) => ({ line: `POST ${NODE}/${from}/clone`, params: { newid: id } })),
  fc.record({ id: vmid, key: slot, on: storage }).map(({ id, key, on }) => ({
    line: `PUT ${NODE}/${id}/config`,
    params: { [key === 'unused0' ? 'scsi3' : key]: `${on}:1` },
  })),
  fc
    .record({ id: vmid, key: slot })
    .map(({ id, key }) => ({ line: `PUT ${NODE}/${id}/config`, params: { delete: key } })),
  fc
    .record({ id: vmid, text: fc.constantFrom('a', 'b') })
    .map(({ id, text }) => ({ line: `PUT ${NODE}/${id}/config`, params: { description: text } })),
  fc
    .record({ id: vmid, action: fc.constantFrom('start', 'stop', 'shutdown') })
    .map(({ id, action }) => ({ line: `POST ${NODE}/${id}/status/${action}`, params: {} })),
  fc
    .record({ id: vmid, name: fc.constantFrom('one', 'two') })
    .map(({ id, name }) => ({ line: `POST ${NODE}/${id}/snapshot`, params: { snapname: name } })),
  fc
    .record({ id: vmid, name: fc.constantFrom('one', 'two') })
    .map(({ id, name }) => ({ line: `DELETE ${NODE}/${id}/snapshot/${name}`, params: {} })),
  fc
    .record({ id: vmid, name: fc.constantFrom('one', 'two') })
    .map(({ id, name }) => ({ line: `POST ${NODE}/${id}/snapshot/${name}/rollback`, params: {} })),
  fc
    .record({ id: vmid, on: storage })
    .map(({ id, on }) => ({ line: `POST ${NODE}/${id}/move_disk`, params: { disk: 'scsi0', storage: on } })),
  fc.record({ id: vmid, other: vmid }).map(({ id, other }) => ({
    line: `POST ${NODE}/${id}/move_disk`,
    params: { disk: 'scsi1', 'target-vmid': other, 'target-disk': 'virtio3' },
  })),
  vmid.map((id) => ({ line: `PUT ${NODE}/${id}/resize`, params: { disk: 'scsi0', size: '+1G' } })),
  vmid.map((id) => ({ line: `POST ${NODE}/${id}/template`, params: {} })),
  vmid.map((id) => ({ line: `DELETE ${NODE}/${id}`, params: {} })),
);

/** Volumes that the active configurations name; none may be named twice, and each must exist. */
function checkVolumes(sim: Simulator): void {
  const { guests, volumes } = sim.world.state;
  const known = new Set([...volumes.values()].map((volume) => `${volume.storage}:${volume.name}`));
  const named = [...guests.values()].flatMap((guest) => volumeIds(guest.config));
  expect(named.filter((volid, at) => named.indexOf(volid) !== at)).toEqual([]);
  expect(named.filter((volid) => !known.has(volid))).toEqual([]);
}

const texts = (sim: Simulator): Map<number, string> =>
  new Map([...sim.world.state.guests].map(([id, guest]) => [id, configText(guest)]));
const digests = (sim: Simulator): Map<number, string> =>
  new Map([...sim.world.state.guests].map(([id, guest]) => [id, sim.world.digestOf(guest)]));

/** Three guests to work on: a linked clone, a full one, and an empty one with disks on both storages. */
function prepared(seed: string): Simulator {
  const sim = simulate('enterprise', seed);
  runTask(sim, `POST ${NODE}/9000/clone`, { newid: 400 });
  runTask(sim, `POST ${NODE}/9002/clone`, { newid: 401, full: 1 });
  runTask(sim, `POST ${NODE}`, {
    vmid: 402,
    scsi0: 'nas:1,format=qcow2',
    scsi1: 'local-lvm:2',
    net0: 'virtio,bridge=vmbr0',
  });
  return sim;
}

describe('any sequence of calls', () => {
  it('ends every task, keeps every volume in one place, and changes digests exactly with configurations', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(step, fc.constantFrom(0, 100, 20_000)), { minLength: 5, maxLength: 30 }),
        fc.string(),
        (steps, seed) => {
          const sim = prepared(seed);
          for (const [{ line, params }, wait] of steps) {
            const [before, old] = [texts(sim), digests(sim)];
            const { status, body } = call(sim, line, params);
            expect([200, 400, 500], JSON.stringify(body)).toContain(status);
            expect(JSON.stringify(body)).not.toContain('internal error');
            sim.advance(wait);
            const [after, fresh] = [texts(sim), digests(sim)];
            for (const [id, text] of after)
              if (before.has(id)) expect(before.get(id) === text).toBe(old.get(id) === fresh.get(id));
          }
          sim.settle();
          expect(sim.world.tasks.running).toEqual([]);
          expect(sim.world.state.tasks.filter(({ exitstatus }) => exitstatus === undefined)).toEqual([]);
          for (const guest of sim.world.state.guests.values()) expect(guest.config.lock).toBeUndefined();
          checkVolumes(sim);
        },
      ),
      { numRuns: 200 },
    );
  });
});
