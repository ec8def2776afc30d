import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, hashJson, sha256 } from './canonical.ts';
import { isAgentError } from './errors.ts';

/** The same value with the keys of every object in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, turned(item)]),
  );
}

describe('canonicalJson', () => {
  it.each([
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    [{ a: [3, { d: 1, c: null }] }, '{"a":[3,{"c":null,"d":1}]}'],
    [[1e21, 1e20, 0.000001, 1e-7, -0, 100], '[1e+21,100000000000000000000,0.000001,1e-7,0,100]'],
    [[4.5, 2e-3, 1 / 3, 5e-324], '[4.5,0.002,0.3333333333333333,5e-324]'],
    // By UTF-16 units: the surrogate pair of U+1F600 (D83D…) comes before U+FB33.
    [{ '\ufb33': 1, '\u{1f600}': 2, '\u20ac': 3, '\r': 4, '1': 5 }, '{"\\r":4,"1":5,"€":3,"😀":2,"\ufb33":1}'],
    ['\u0000\u001f\b\t\n\f\r"\\/\u007f\u2028', '"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\u007f\u2028"'],
    [{ '': 0, a: undefined, A: true }, '{"":0,"A":true}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ])('writes %j as RFC 8785 has it', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it('is one text for one value, whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(turned(value))).toBe(canonicalJson(value));
        expect(hashJson(turned(value))).toBe(hashJson(value));
      }),
    );
  });

  it('loses nothing that JSON has', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
      }),
    );
  });

  it('writes every finite number so that it reads back as the same', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(Number(canonicalJson(number))).toBe(number === 0 ? 0 : number);
      }),
    );
  });

  it.each([undefined, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s, which has no JSON form', (value) => {
    expect(() => canonicalJson(value)).toThrow();
  });
});

describe('hashJson', () => {
  it('tells values apart that differ', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(hashJson(a) === hashJson(b)).toBe(canonicalJson(a) === canonicalJson(b));
      }),
    );
  });

  it('is SHA-256 over the UTF-8 text, as anybody can compute it', () => {
    expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(hashJson({ b: 'ü', a: 1 })).toBe(sha256(new TextEncoder().encode('{"a":1,"b":"ü"}')));
  });

  it('refuses what has no JSON form with an error of the catalogue', () => {
    expect(() => hashJson(undefined)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    try {
      hashJson(undefined);
    } catch (error) {
      expect(isAgentError(error, 'INTERNAL')).toBe(true);
    }
  });
});
