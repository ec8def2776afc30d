import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededIds } from '../../kernel/ids.ts';
import { ManualClock } from '../../kernel/clock.ts';
import { Simulator } from '../simulator.ts';
import { StateFile } from './state-file.ts';

const NOW = Date.UTC(2026, 10, 20);
let made = 0;

function open(file: string): StateFile {
  // Every process has randomness of its own.
  return new StateFile(file, {
    ids: seededIds(`process ${made++}`, new ManualClock(NOW)),
    fresh: (ids) => Simulator.fromWorld('enterprise', { ids, now: NOW }),
    load: (text, ids, now) => Simulator.load(text, { ids, now }),
    certificate: () => undefined,
    now: undefined,
  });
}

const call = fc.constantFrom(
  { method: 'POST', path: '/nodes/pve4/qemu/301/status/start', params: {} },
  { method: 'POST', path: '/nodes/pve5/qemu/303/status/shutdown', params: {} },
  { method: 'POST', path: '/nodes/pve4/qemu/9000/clone', params: { newid: '500', full: '1', name: 'a' } },
  { method: 'POST', path: '/nodes/pve4/qemu/9000/clone', params: { newid: '501', name: 'b' } },
  { method: 'PUT', path: '/nodes/pve4/qemu/301/config', params: { net1: 'virtio,bridge=vmbr0' } },
  { method: 'POST', path: '/nodes/pve5/qemu/302/snapshot', params: { snapname: 'one' } },
  { method: 'DELETE', path: '/nodes/pve5/qemu/302', params: {} },
);
const steps = fc.array(fc.record({ call, wait: fc.integer({ min: 0, max: 20_000 }) }), { minLength: 1, maxLength: 12 });

/** Without what only says when it was looked at. */
const stateOf = (simulator: Simulator): unknown => {
  simulator.settle();
  return {
    objects: [...simulator.objects()],
    tasks: simulator.world.state.tasks.map(({ upid, exitstatus }) => [upid, exitstatus]),
  };
};

test('a cluster whose process died at any moment is the same one again, running tasks and UPIDs included', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-state-'));
      const file = join(directory, 'state.json');
      try {
        const first = open(file);
        for (const { call: one, wait } of history) {
          const request = { ...one, principal: 'root@pam' };
          first.record({ call: request });
          first.simulator.handle(request);
          first.simulator.advance(wait);
        }
        // What happened by itself since the last change is not in the file; it happens again.
        expect(stateOf(open(file).simulator)).toEqual(stateOf(first.simulator));
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    }),
    { numRuns: 40, seed: 7 },
  );
});

test('a change whose line was cut off by the end of the process was not carried out', () => {
  const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-state-'));
  const file = join(directory, 'state.json');
  const first = open(file);
  const before = stateOf(first.simulator);
  appendFileSync(`${file}.log`, '{"time":17950');
  expect(stateOf(open(file).simulator)).toEqual(before);
  rmSync(directory, { recursive: true, force: true });
});

test('a damaged file is refused in words', () => {
  const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-state-'));
  const file = join(directory, 'state.json');
  for (const text of ['', '{"simulator"', '[]', '{"simulator": 1}']) {
    writeFileSync(file, text);
    expect(() => open(file)).toThrow(/is no state of a simulated cluster/);
  }
  rmSync(directory, { recursive: true, force: true });
});
