import { buildTwin, guestKeys, type Capture } from '../../src/estate/index.ts';
import { findAction } from '../../src/actions/index.ts';
import { seededIds } from '../../src/kernel/ids.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { rehearse, StepForms, type PreparedRequest } from '../../src/operations/index.ts';
import { Simulator } from '../../src/simulator/index.ts';
import { captureOf } from './lab.ts';
import type { Figure } from './figure.ts';

/** Rehearsing a plan of 100 effects on a seeded twin, and how many calls a second the twin answers. */
export async function benchTwin(): Promise<Figure[]> {
  const whole = captureOf(100);
  const capture: Capture = Object.fromEntries(Object.entries(whole));
  const requests: PreparedRequest[] = Array.from({ length: 100 }, (_, index) => {
    const vmid = 1000 + index;
    const target = { kind: 'vm' as const, id: String(vmid), text: `vm/${vmid}`, vmid, node: `pve${(index % 5) + 1}` };
    return { id: `s${index}`, action: findAction('vm.start'), input: { target, params: {}, newid: 0 }, after: [] };
  });
  if (!guestKeys(requests[0]?.input.target ?? { node: '', vmid: 0 }).every((key) => key in capture))
    throw new Error('the capture lacks a guest');
  const times: number[] = [];
  for (let round = 0; round < 10; round++) {
    const began = performance.now();
    const twin = buildTwin(capture, { principal: 'root@pam!bench', now: systemClock.now() });
    const { trace, failure } = await rehearse(requests, twin, new StepForms(new Uint8Array(32)));
    if (failure !== undefined || trace.length !== 100)
      throw new Error(`the rehearsal failed: ${JSON.stringify(failure)}`);
    times.push(performance.now() - began);
  }
  const median = times.sort((a, b) => a - b)[5] ?? 0;
  return [
    { name: 'rehearsing a plan of 100 effects', value: median, unit: 'ms', limit: '< 150 ms' },
    callsPerSecond(whole),
  ];
}

function callsPerSecond(capture: Capture): Figure {
  const simulator = Simulator.fromCapture(capture, { ids: seededIds('bench', systemClock), now: systemClock.now() });
  const COUNT = 50_000;
  const began = performance.now();
  for (let index = 0; index < COUNT; index++) {
    const vmid = 1000 + (index % 100);
    const path = `/nodes/pve${(vmid % 5) + 1}/qemu/${vmid}/${index % 2 === 0 ? 'config' : 'status/current'}`;
    if (simulator.handle({ method: 'GET', path, params: {}, principal: 'root@pam' }).status !== 200)
      throw new Error(path);
  }
  return {
    name: 'twin, calls a second',
    value: Math.round(COUNT / ((performance.now() - began) / 1000)),
    unit: '/s',
    limit: '>= 20000',
  };
}
