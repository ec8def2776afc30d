import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Point } from '../../src/operations/index.ts';
import { inCase, POINTS, type Case } from '../contract/cases.ts';

/** Plans of several actions on guests that do not get into each other's way, some of them after others. */
const ACTIONS: readonly { action: string; target: string; params: object }[] = [
  { action: 'vm.start', target: 'vm/301', params: {} },
  { action: 'vm.configure', target: 'vm/302', params: { memory: 4096, tags: ['tested'] } },
  { action: 'vm.shutdown', target: 'vm/303', params: {} },
  { action: 'snapshot.create', target: 'vm/121', params: { name: 'random' } },
  { action: 'disk.resize', target: 'vm/112', params: { disk: 'scsi0', size: '+3G' } },
  { action: 'vm.clone', target: 'vm/9000', params: { name: 'copy-a' } },
  { action: 'vm.create_from_template', target: 'vm/9001', params: { name: 'copy-b', memory: 4096, wait: 60 } },
  { action: 'vm.stop', target: 'vm/211', params: {} },
];

const plans = fc.uniqueArray(fc.nat({ max: ACTIONS.length - 1 }), { minLength: 1, maxLength: 5 }).chain((picked) =>
  fc.array(fc.boolean(), { minLength: picked.length, maxLength: picked.length }).map((chained) => ({
    actions: picked.map((index, at) => ({
      id: `r${at}`,
      environment: 'home',
      ...ACTIONS[index],
      after: at > 0 && chained[at] ? [`r${at - 1}`] : [],
    })),
  })),
);
const crashes = fc.array(fc.record({ hit: fc.integer({ min: 1, max: 12 }), point: fc.constantFrom(...POINTS) }), {
  maxLength: 4,
});
const cuts = fc.array(
  fc.record({
    nth: fc.integer({ min: 1, max: 6 }),
    kind: fc.constantFrom('cut-before' as const, 'cut-after' as const),
  }),
  { maxLength: 2 },
);

/** Death at the n-th time that a life comes to a point. */
function deathAt({ hit, point }: { hit: number; point: Point }) {
  let seen = 0;
  return (_: number, at: Point): boolean => at === point && ++seen === hit;
}

const sorted = (one: Case): string[] => one.calls().sort();

describe('random plans', () => {
  it('end the same however often the process dies and answers are lost, with every call sent once', async () => {
    await fc.assert(
      fc.asyncProperty(plans, crashes, cuts, async (plan, deaths, lost) => {
        const undisturbed = await inCase(async (one) => {
          const { operation } = await one.lives(plan, []);
          expect(operation.state, JSON.stringify(operation.error)).toBe('applied');
          return { changes: one.changes(), calls: sorted(one) };
        });
        await inCase(async (one) => {
          for (const { nth, kind } of lost) one.simulator.inject({ match: { method: 'POST', nth }, kind });
          const { operation } = await one.lives(plan, deaths.map(deathAt));
          expect(operation.state, JSON.stringify(operation.error)).toBe('applied');
          expect(sorted(one)).toEqual(undisturbed.calls);
          expect(one.changes()).toEqual(undisturbed.changes);
        });
      }),
      { numRuns: Number(process.env['RUNS'] ?? 40), seed: 20261120 },
    );
  });
});
