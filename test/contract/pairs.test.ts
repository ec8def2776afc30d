import { describe, expect, it } from 'vitest';
import { inCase, type Case } from './cases.ts';

/** Three plans that stand for the others: one long chain, several side by side, one that fails and is taken back. */
const PLANS: Readonly<Record<string, { request: object; prepare?: (one: Case) => void; state: string }>> = {
  'a chain of four steps': {
    request: {
      action: 'vm.create_from_template',
      target: 'vm/9000',
      params: { name: 'web1', cores: 4, disk: { size: '20G' }, wait: 30 },
    },
    state: 'applied',
  },
  'three actions, two side by side and one after': {
    request: {
      actions: [
        { id: 'a', environment: 'home', action: 'vm.start', target: 'vm/301' },
        { id: 'b', environment: 'home', action: 'vm.configure', target: 'vm/302', params: { memory: 4096 } },
        {
          id: 'c',
          environment: 'home',
          action: 'snapshot.create',
          target: 'vm/302',
          params: { name: 'after' },
          after: ['b'],
        },
      ],
    },
    state: 'applied',
  },
  'a chain that fails at its end and is taken back': {
    request: { action: 'vm.create_from_template', target: 'vm/9000', params: { name: 'web1', cores: 4 } },
    prepare: (one) =>
      one.simulator.inject({
        match: { method: 'POST', path: '*/status/start', nth: 1 },
        kind: 'task-fail',
        exitstatus: 'it does not start',
      }),
    state: 'failed',
  },
};

/** Death at the n-th interleaving point of a life. */
const at =
  (n: number) =>
  (hit: number): boolean =>
    hit === n;

describe.each(Object.entries(PLANS))('%s', (_, { request, prepare, state }) => {
  it('ends the same for every pair of crash points', { timeout: 120_000 }, async () => {
    const undisturbed = await inCase(async (one) => {
      prepare?.(one);
      const { operation, points } = await one.lives(request, []);
      expect(operation.state, JSON.stringify(operation.error)).toBe(state);
      return { calls: one.calls().sort(), changes: one.changes(), points };
    });
    for (let first = 1; first <= undisturbed.points; first++) {
      for (let second = 1; second <= undisturbed.points - first + 3; second++) {
        await inCase(async (one) => {
          prepare?.(one);
          const { operation } = await one.lives(request, [at(first), at(second)]);
          const where = `deaths at ${first} and ${second}: ${JSON.stringify(operation.error)}`;
          expect(operation.state, where).toBe(state);
          expect(one.calls().sort(), where).toEqual(undisturbed.calls);
          expect(one.changes(), where).toEqual(undisturbed.changes);
        });
      }
    }
  });
});
