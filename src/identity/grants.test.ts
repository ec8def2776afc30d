import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  administers,
  atLeast,
  covers,
  environmentsOf,
  grantsFor,
  highest,
  meet,
  rank,
  ROLES,
  roleOf,
  union,
  type Grants,
} from './grants.ts';
import { actionAllowed } from './principal.ts';

const NAMES = ['home', 'cloud', 'lab'];
const role = fc.constantFrom(...ROLES);
const grants: fc.Arbitrary<Grants> = fc.dictionary(fc.constantFrom('*', ...NAMES), role, { noNullPrototype: true });
/** Any environment, also one that nobody has named. */
const somewhere = fc.constantFrom(...NAMES, 'elsewhere');
const held = (one: Grants, name: string): number => {
  const found = roleOf(one, name);
  return found === undefined ? -1 : rank(found);
};

it('meet gives nowhere more than either, and union all that any gives', () => {
  fc.assert(
    fc.property(grants, grants, somewhere, (a, b, name) => {
      expect(held(meet(a, b), name)).toBe(Math.min(held(a, name), held(b, name)));
      expect(held(union([a, b]), name)).toBe(Math.max(held(a, name), held(b, name)));
    }),
  );
});

it('covers and administers say what holds in every environment', () => {
  fc.assert(
    fc.property(grants, grants, (a, b) => {
      const everywhere = [...NAMES, 'elsewhere'];
      expect(covers(a, b)).toBe(everywhere.every((name) => held(b, name) <= held(a, name)));
      expect(administers(a, b)).toBe(everywhere.every((name) => held(b, name) < 0 || held(a, name) === rank('admin')));
      expect(covers(a, meet(a, b))).toBe(true);
    }),
  );
});

it('what it says of all environments is so of each', () => {
  fc.assert(
    fc.property(grants, somewhere, (one, name) => {
      const most = highest(one);
      expect(held(one, name)).toBeLessThanOrEqual(most === undefined ? -1 : rank(most));
      if (held(one, name) >= 0) expect(environmentsOf(one)?.includes(name) ?? true).toBe(true);
    }),
  );
  expect(grantsFor('viewer', null)).toEqual({ '*': 'viewer' });
  expect(roleOf({}, 'constructor')).toBeUndefined();
  expect(roleOf({}, '__proto__')).toBeUndefined();
  expect(atLeast(undefined, 'viewer')).toBe(false);
});

const pattern = fc
  .array(fc.constantFrom('vm', 'snapshot', '.', '*', 'stop', 'st'), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join(''));
const action = fc.constantFrom('vm.stop', 'vm.start', 'snapshot.create', 'vm', 'vmxstop', 'vm.cloudinit.configure');

it('a pattern that another one lets through reaches no further than it', () => {
  fc.assert(
    fc.property(pattern, pattern, action, (outer, inner, name) => {
      if (actionAllowed([outer], inner) && actionAllowed([inner], name))
        expect(actionAllowed([outer], name)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  expect(actionAllowed(['vm.*'], 'vm.cloudinit.configure')).toBe(true);
  expect(actionAllowed(['vm.st*'], 'vm.delete')).toBe(false);
  expect(actionAllowed(['vm.stop'], 'vmxstop')).toBe(false);
  expect(actionAllowed([], 'vm.stop')).toBe(false);
  expect(actionAllowed(undefined, 'vm.stop')).toBe(true);
});

it('a pattern is matched as text with gaps, whatever it is made of', () => {
  // Few letters, so that most names nearly fit.
  const text = (...letters: string[]) =>
    fc.array(fc.constantFrom(...letters), { maxLength: 6 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text('a', 'b', '*', '.'), text('a', 'b', '.'), (pattern, name) => {
      const escaped = pattern.replaceAll(/[^\w*]/g, '\\$&').replaceAll('*', '.*');
      expect(actionAllowed([pattern], name)).toBe(new RegExp(`^${escaped}$`).test(name));
    }),
    { numRuns: 5_000, examples: [['a*b*b', 'ab']] },
  );
});

it('a pattern of many gaps keeps nobody busy', () => {
  // As a regular expression the first takes a minute, and each further gap four times as long.
  expect(actionAllowed([`${'*'.repeat(16)}z`], 'vm.create_from_template')).toBe(false);
  expect(actionAllowed(['*a'.repeat(32)], `${'a'.repeat(63)}b`)).toBe(false);
});
