import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Places, takeAll } from './limits.ts';

const silent = (): void => {};
/** Lets everything that can go on go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('places', () => {
  it('let so many in as there are, and the next when one leaves', async () => {
    const places = new Places();
    const waits: string[] = [];
    const take = () => places.take('node', 2, (name) => waits.push(name));
    const [first] = await Promise.all([take(), take()]);
    let third = false;
    const waiting = take().then((leave) => {
      third = true;
      return leave;
    });
    await turn();
    expect({ third, waits }).toEqual({ third: false, waits: ['node'] });
    first?.();
    (await waiting)();
    expect(third).toBe(true);
  });

  it('are given in the order in which they were asked for', async () => {
    const places = new Places();
    const order: number[] = [];
    const all = [1, 2, 3, 4].map(async (number) => {
      const leave = await places.take('one', 1, silent);
      order.push(number);
      await turn();
      leave();
    });
    await Promise.all(all);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('are given back once, however often somebody leaves', async () => {
    const places = new Places();
    const leave = await places.take('one', 1, silent);
    leave();
    leave();
    await places.take('one', 1, silent);
    let second = false;
    void places.take('one', 1, silent).then(() => (second = true));
    await turn();
    expect(second).toBe(false);
  });

  it('under one name have nothing to do with those under another', async () => {
    const places = new Places();
    await places.take('a', 1, silent);
    await expect(places.take('b', 1, silent)).resolves.toBeTypeOf('function');
  });
});

describe('takeAll', () => {
  const names = fc.uniqueArray(fc.constantFrom('env', 'node/a', 'node/b', 'template/1', 'template/2'), {
    minLength: 1,
  });
  const takers = fc.array(fc.record({ names, turns: fc.nat({ max: 3 }) }), { minLength: 1, maxLength: 30 });
  const limitsOf = fc.record({ env: fc.integer({ min: 1, max: 4 }), node: fc.integer({ min: 1, max: 2 }) });

  it('serves everybody, never above a limit, in whatever order the names are given', async () => {
    await fc.assert(
      fc.asyncProperty(takers, limitsOf, async (all, { env, node }) => {
        const places = new Places();
        const limit = (name: string): number => (name === 'env' ? env : name.startsWith('node') ? node : 1);
        const inside = new Map<string, number>();
        let served = 0;
        const work = all.map(async ({ names: wanted, turns }) => {
          const leave = await takeAll(
            places,
            wanted.map((name) => [name, limit(name)] as const),
            silent,
          );
          for (const name of wanted) {
            const now = (inside.get(name) ?? 0) + 1;
            inside.set(name, now);
            expect(now).toBeLessThanOrEqual(limit(name));
          }
          for (let i = 0; i < turns; i++) await turn();
          for (const name of wanted) inside.set(name, (inside.get(name) ?? 1) - 1);
          leave();
          served++;
        });
        await Promise.all(work);
        expect(served).toBe(all.length);
        // Nothing stays taken: a later one gets in at once.
        const waits: string[] = [];
        const everything = ['env', 'node/a', 'node/b', 'template/1'].map((name) => [name, 1] as const);
        (await takeAll(places, everything, (name) => waits.push(name)))();
        expect(waits).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

it('clones one template at a time, because Proxmox VE locks it', () => {
  expect(DEFAULT_LIMITS.template).toBe(1);
  expect(DEFAULT_LIMITS.node).toBeLessThanOrEqual(DEFAULT_LIMITS.environment);
});
