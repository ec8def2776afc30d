import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ApprovalRecord } from '../../store/index.ts';
import type { Decision, Obligation } from '../plan.ts';
import { quorumOf } from './quorum.ts';

const NAMES = ['ana', 'bob', 'cleo'];
const anyApproval: fc.Arbitrary<ApprovalRecord> = fc
  .record({
    id: fc.integer({ min: 1, max: 4 }),
    name: fc.constantFrom(...NAMES),
    role: fc.constantFrom('approver', 'admin', undefined),
    factor: fc.constantFrom('totp', undefined),
    method: fc.constantFrom('token', 'bootstrap-token'),
  })
  .map(({ id, name, role, factor, method }) => ({
    plan_id: 'p',
    plan_hash: 'h',
    // A token belongs to one person.
    principal: { id: `${name}-${id}`, name, class: 'human' as const },
    at: 1,
    comment: null,
    method,
    ...(role === undefined ? {} : { role }),
    ...(factor === undefined ? {} : { factor }),
  }));
const one = (obligation: Obligation['obligation'], more: object = {}): Obligation => ({
  obligation,
  text: 'x',
  rules: ['r'],
  ...more,
});
const anyDecision: fc.Arbitrary<Decision> = fc.record({
  outcome: fc.constant('require_approval' as const),
  approvals_required: fc.integer({ min: 1, max: 3 }),
  obligations: fc.subarray([one('other_approver'), one('second_factor'), one('roles', { roles: ['admin'] })]),
  rules: fc.constant([]),
});
const ana = { id: 'ana-1', name: 'ana', class: 'human' as const };
const has = ({ obligations }: Decision, name: string): boolean => obligations.some((duty) => duty.obligation === name);

it('a quorum is reached by so many different persons who meet everything, whatever the order and the repetitions', () => {
  fc.assert(
    fc.property(anyDecision, fc.array(anyApproval, { maxLength: 6 }), (decision, approvals) => {
      const good = approvals.filter(
        ({ principal, factor, method }) =>
          !(has(decision, 'other_approver') && principal.name === 'ana') &&
          !(has(decision, 'second_factor') && factor === undefined && method !== 'bootstrap-token'),
      );
      const persons = new Set(good.map(({ principal }) => principal.name)).size;
      const roles = !has(decision, 'roles') || good.some(({ role }) => role === 'admin');
      const { given, missing } = quorumOf(decision, approvals, ana);
      expect(given).toBe(persons);
      expect(missing.length === 0).toBe(persons >= decision.approvals_required && roles);
      expect(quorumOf(decision, [...approvals, ...approvals.toReversed()], ana)).toEqual({ given, missing });
      expect(quorumOf(decision, approvals.slice(1), ana).given).toBeLessThanOrEqual(given);
    }),
    { numRuns: 500 },
  );
});

it('what is allowed needs nobody', () => {
  const decision: Decision = { outcome: 'allow', approvals_required: 0, obligations: [], rules: [] };
  expect(quorumOf(decision, [], ana)).toEqual({ given: 0, missing: [] });
});
