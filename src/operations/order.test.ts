import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAgentError } from '../kernel/errors.ts';
import { inOrder } from './order.ts';

const item = (id: string, ...after: string[]) => ({ id, after });
const ids = (items: readonly { id: string }[]): string[] => items.map(({ id }) => id);

/** Items that name only such before them, in another order. */
const withoutCircle = fc
  .array(fc.array(fc.nat({ max: 20 }), { maxLength: 4 }), { minLength: 1, maxLength: 15 })
  .chain((edges) => {
    const items = edges.map((numbers, index) =>
      item(`a${index}`, ...numbers.filter((number) => number < index).map((number) => `a${number}`)),
    );
    return fc.shuffledSubarray(items, { minLength: items.length });
  });

describe('inOrder', () => {
  it('keeps the given order where nothing speaks against it', () => {
    expect(ids(inOrder([item('c'), item('a'), item('b')]))).toEqual(['c', 'a', 'b']);
    expect(ids(inOrder([item('web', 'db'), item('x'), item('db')]))).toEqual(['db', 'web', 'x']);
  });

  it('puts each after all that it names, and loses none', () => {
    fc.assert(
      fc.property(withoutCircle, (items) => {
        const order = ids(inOrder(items));
        expect([...order].sort()).toEqual(ids(items).sort());
        for (const { id, after } of items)
          for (const name of after) expect(order.indexOf(name)).toBeLessThan(order.indexOf(id));
      }),
    );
  });

  it('is the same when it is ordered again', () => {
    fc.assert(
      fc.property(withoutCircle, (items) => {
        expect(inOrder(inOrder(items))).toEqual(inOrder(items));
      }),
    );
  });

  it('finds every circle, whatever hangs on it', () => {
    fc.assert(
      fc.property(withoutCircle, fc.integer({ min: 1, max: 5 }), (items, length) => {
        const circle = Array.from({ length }, (_, index) => item(`c${index}`, `c${(index + 1) % length}`));
        expect(() => inOrder([...items, ...circle])).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
      }),
    );
  });

  it.each([
    [[item('a', 'b'), item('b', 'a')], 'Action "a" waits for itself: a after b after a.', 'actions.a.after'],
    [[item('a', 'a')], 'Action "a" waits for itself: a after a.', 'actions.a.after'],
    [[item('a', 'nope')], 'Action "a" comes after "nope", which is not one of the actions.', 'actions.a.after'],
  ])('refuses %j in words that name the way', (items, message, field) => {
    try {
      inOrder(items);
      expect.unreachable();
    } catch (error) {
      expect(isAgentError(error, 'VALIDATION_FAILED') && error.message).toBe(message);
      expect(isAgentError(error) && Object.keys(error.details.errors ?? {})).toEqual([field]);
    }
  });
});
