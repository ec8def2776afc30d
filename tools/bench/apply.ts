import { apply, approve, submit } from '../../src/changes/index.ts';
import type { Principal } from '../../src/identity/index.ts';
import { connect } from '../../src/estate/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { DEFAULT_LIMITS } from '../../src/operations/index.ts';
import { getOperation } from '../../src/store/index.ts';
import { BenchLab } from './lab.ts';
import type { Figure } from './figure.ts';

const GUESTS = 100;
export const person: Principal = {
  id: 'bench',
  name: 'bench',
  class: 'human',
  role: 'admin',
  environments: null,
  via: 'cli',
  // A token would have to be one that the store knows, or its approval counts for nothing.
  method: 'bootstrap-token',
};
const at = (index: number) => ({ vmid: 1000 + index, node: `pve${(index % 5) + 1}` });

/** Applies 100 independent starts, and beside it the same calls in a bare loop with the same concurrency and polling. */
export async function benchApply(speed: string): Promise<Figure[]> {
  const ours: number[] = [];
  const bare: number[] = [];
  let rehearsed = 0;
  for (let round = 0; round < 3; round++) {
    const first = new BenchLab(GUESTS, speed);
    const measured = await applied(first);
    first.close();
    ours.push(measured.apply);
    rehearsed = measured.plan;
    const second = new BenchLab(GUESTS, speed);
    bare.push(await loop(second));
    second.close();
  }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return [
    {
      name: `apply of 100 vm.start, simulator at speed ${speed}`,
      value: median(ours),
      unit: 'ms',
      baseline: median(bare),
      what: 'bare loop with the same calls',
      limit: '<= 1.3',
    },
    { name: `plan of 100 vm.start with its reads over TLS`, value: rehearsed, unit: 'ms' },
  ];
}

async function applied(lab: BenchLab): Promise<{ plan: number; apply: number }> {
  const app = await lab.app();
  const actions = Array.from({ length: GUESTS }, (_, index) => ({
    id: `s${index}`,
    environment: 'bench',
    action: 'vm.start',
    target: `vm/${at(index).vmid}`,
  }));
  const began = performance.now();
  const plan = await submit(app.changes, { actions }, person);
  const planned = performance.now();
  // So many guests at once are of high risk; the approval is a person's time, not the machine's.
  await approve(app.changes, String(plan['plan_id']), { plan_hash: String(plan['plan_hash']) }, person);
  const begun = performance.now();
  const { operation_id } = await apply(app.changes, { plan_id: String(plan['plan_id']) }, person);
  await app.engine.idle(operation_id);
  const ended = performance.now();
  const { state, error } = await getOperation(app.store, operation_id);
  await app.close();
  if (state !== 'applied') throw new Error(`the operation ended ${state}: ${JSON.stringify(error)}`);
  return { plan: planned - began, apply: ended - begun };
}

/** What the operation sends: identity, state, start, its task, state again. */
async function loop(lab: BenchLab): Promise<number> {
  const environment = connect(await lab.environment(), { clock: systemClock, log: silentLogger });
  const { api } = environment;
  const queue = Array.from({ length: GUESTS }, (_, index) => at(index));
  const began = performance.now();
  await Promise.all(queue.map(({ node, vmid }) => api.get(`/nodes/${node}/qemu/${vmid}/config`)));
  const worker = async (): Promise<void> => {
    for (let guest = queue.shift(); guest !== undefined; guest = queue.shift()) {
      const path = `/nodes/${guest.node}/qemu/${guest.vmid}/status`;
      await api.get(`${path}/current`);
      const { data } = await api.call({ method: 'POST', path: `${path}/start`, params: {} });
      await api.waitTask(String(data));
      await api.get(`${path}/current`);
    }
  };
  await Promise.all(Array.from({ length: DEFAULT_LIMITS.environment }, worker));
  const took = performance.now() - began;
  await environment.close();
  return took;
}
