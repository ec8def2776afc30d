import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bool, list, num, record, text, words } from './lenient.ts';

test('numbers', () => {
  expect(['512', 512, '1.5', ' 7 ', '-1', '0'].map(num)).toEqual([512, 512, 1.5, 7, -1, 0]);
  for (const value of ['', ' ', 'x', '12 MB', null, undefined, true, [], [1], {}, Number.NaN, Infinity, 'Infinity'])
    expect(num(value)).toBeUndefined();
});

test('booleans', () => {
  expect([1, '1', true, 'yes', 'on', 'TRUE'].map(bool)).toEqual([true, true, true, true, true, true]);
  expect([0, '0', false, 'no', 'off', 'false'].map(bool)).toEqual([false, false, false, false, false, false]);
  for (const value of [2, '', 'x', null, undefined, {}, []]) expect(bool(value)).toBeUndefined();
});

test('text, lists, objects and words', () => {
  expect([text('a'), text(100), text(''), text(null), text({})]).toEqual(['a', '100', '', undefined, undefined]);
  expect([list([1]), list(null), list({}), list('ab')]).toEqual([[1], [], [], []]);
  expect([record({ a: 1 }), record(null), record([1]), record('x')]).toEqual([{ a: 1 }, {}, {}, {}]);
  expect([
    words('a;b'),
    words('images, iso'),
    words(' a  b '),
    words(''),
    words(null),
    words(['a', 'b;c']),
    words(7),
  ]).toEqual([['a', 'b'], ['images', 'iso'], ['a', 'b'], [], [], ['a', 'b', 'c'], ['7']]);
});

test('no value makes a reader throw', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      for (const read of [num, bool, text, list, record, words]) read(value);
    }),
  );
});
