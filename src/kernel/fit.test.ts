import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldErrors, fit, inLine } from './fit.ts';
import { misfitWords } from './fit_words.ts';
import { secretText } from './secret.ts';

/** What is wrong with a value, by field. */
function wrong(schema: z.ZodType, value: unknown): Record<string, string> {
  const fitted = fit(schema, value);
  return fitted.success ? {} : fieldErrors(fitted.misfits);
}
const words = (schema: z.ZodType, value: unknown): string | undefined =>
  wrong(z.strictObject({ it: schema }), { it: value })['it'];

const size = z.strictObject({ cores: z.int().min(1).max(128), disk: z.strictObject({ size: z.string() }).optional() });

describe('plain words for what does not fit', () => {
  it.each<[string, z.ZodType, unknown, string]>([
    ['nothing', z.string(), undefined, 'is missing'],
    ['an empty text', z.string().min(1).max(64), '', 'must not be empty'],
    ['a short text', z.string().min(3).max(120), 'ab', 'must have 3 to 120 characters'],
    ['a short text without an upper end', z.string().min(12), 'ab', 'must have at least 12 characters'],
    ['a long text', z.string().min(1).max(4), 'abcde', 'must have at most 4 characters'],
    ['a text of another length', z.string().length(6), 'abc', 'must have exactly 6 characters'],
    ['a number for text', z.string(), 7, 'must be text'],
    ['text for a number', z.int().min(1).max(128), 'many', 'must be a whole number from 1 to 128'],
    ['what is no number in a query', z.coerce.number().min(1).max(200), 'abc', 'must be a number from 1 to 200'],
    ['a number that is too small', z.number().min(1).max(200), 0, 'must be a number from 1 to 200'],
    ['a number that is too large', z.int().min(1).max(128), 129, 'must be a whole number from 1 to 128'],
    ['half a number', z.int().min(1).max(128), 1.5, 'must be a whole number from 1 to 128'],
    ['a number below its end', z.int().min(0), -1, 'must be a whole number, 0 or more'],
    ['a number above its end', z.number().max(5), 6, 'must be a number, 5 or less'],
    ['a number between two ends', z.number().gt(0).lt(1), 1, 'must be a number, more than 0 and less than 1'],
    ['a number beyond all', z.int(), 2 ** 60, 'must be a whole number, 9007199254740991 or less'],
    ['no multiple', z.number().multipleOf(512), 7, 'must be a multiple of 512'],
    ['text for yes or no', z.boolean(), 'yes', 'must be true or false'],
    ['text for a list', z.array(z.string()), 'a', 'must be a list'],
    ['an empty list', z.array(z.string()).min(1).max(9), [], 'must not be empty'],
    ['a short list', z.array(z.string()).min(2).max(9), ['a'], 'must have 2 to 9 entries'],
    ['a long list', z.array(z.string()).max(1), ['a', 'b'], 'must have at most 1 entry'],
    ['text for fields', z.strictObject({}), 'a', 'must be an object with named fields'],
    ['none of a few', z.enum(['low', 'high']), 'medium', 'must be one of low, high'],
    ['nothing of a few', z.enum(['low', 'high']), undefined, 'is missing; it must be one of low, high'],
    ['not the one', z.literal('1'), '2', 'must be 1'],
    ['no UUID', z.uuid(), 'x', 'must be a UUID'],
    ['no time', z.iso.datetime({ offset: true }), 'x', 'must be a time such as 2026-12-20T18:00:00Z'],
    ['no address', z.url(), 'x', 'must be an address such as https://host.example'],
    ['another beginning', z.string().startsWith('pxa_'), 'x', 'must begin with pxa_'],
    ['another pattern', z.string().regex(/^\d{1,2}$/), 'x', 'must fit the pattern /^\\d{1,2}$/'],
    ['neither text nor number', z.union([z.string(), z.number()]), true, 'must be text or a number'],
    ['nothing of both', z.union([z.string(), z.number()]), undefined, 'is missing'],
    ['the text of a union', z.union([z.string().min(2), z.number()]), 'x', 'must have at least 2 characters'],
    [
      'the fields of a union',
      z.union([z.string(), size]),
      { cores: 'x' },
      'cores must be a whole number from 1 to 128',
    ],
    ['what has to be left out', z.strictObject({ a: z.undefined() }), { a: 1 }, ''],
  ])('%s', (_, schema, value, expected) => {
    if (expected === '') expect(wrong(schema, value)).toEqual({ a: 'must be left out' });
    else expect(words(schema, value)).toBe(expected);
  });

  it('names every field, and every unknown name with the nearest of the names that are known there', () => {
    expect(wrong(size, { corse: 1, disk: { sice: 1, x: 2 } })).toEqual({
      cores: 'is missing',
      'disk.size': 'is missing',
      'disk.sice': 'is not known here; did you mean size?',
      'disk.x': 'is not known here',
      corse: 'is not known here; did you mean cores?',
    });
    expect(wrong(size, 'x')).toEqual({ body: 'must be an object with named fields' });
    const fitted = fit(size, { cores: 1, x: 1 });
    expect(fitted.success ? '' : inLine(fitted.misfits, 'at ')).toBe('at x: is not known here');
  });

  it('says it of the one form that is meant, where the others are of another kind', () => {
    expect(wrong(z.union([z.string(), size]), { cores: 1, dsik: 1 })).toEqual({
      dsik: 'is not known here; did you mean disk?',
    });
  });

  it('a wrong form of several says which there are', () => {
    const step = z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('a') }),
      z.strictObject({ kind: z.literal('b') }),
    ]);
    expect(wrong(step, { kind: 'c' })).toEqual({ kind: 'must be one of a, b' });
    expect(wrong(step, {})).toEqual({ kind: 'is missing; it must be one of a, b' });
  });

  it('what a schema says itself stays', () => {
    expect(words(z.string().regex(/^CC-/, 'must be like CC-001'), 'x')).toBe('must be like CC-001');
    expect(words(z.string().trim().min(1, 'is needed'), ' ')).toBe('is needed');
    expect(words(z.record(z.string().regex(/^[a-z]+$/, 'must be letters'), z.int()), { 1: 1 })).toBe(undefined);
    expect(wrong(z.record(z.string().regex(/^[a-z]+$/, 'must be letters'), z.int()), { 1: 1 })).toEqual({
      1: 'its name must be letters',
    });
    const own = z.strictObject(
      { a: z.string() },
      { error: (issue) => (issue.code === 'unrecognized_keys' ? 'only a' : undefined) },
    );
    expect(wrong(own, { a: '', b: 1 })).toEqual({ b: 'only a' });
  });
});

/** The library's own words, which say nothing to who has not written the schema. */
const THEIRS =
  /invalid|too small|too big|unrecognized|expected|received|option|discriminator|undefined|\bNaN\b|\[object/i;

/** For every code that the installed library has: schemas, and values that it refuses with this code. `mark` is in each. */
const REFUSED: Readonly<
  Record<z.core.$ZodIssueCode, (mark: string, count: number) => readonly (readonly [z.ZodType, unknown])[]>
> = {
  invalid_type: (mark, count) => [
    ...[z.number(), z.int().min(count), z.boolean(), z.bigint(), z.date(), z.array(z.string()), z.strictObject({})].map(
      (schema) => [schema, mark] as const,
    ),
    ...[z.record(z.string(), z.int()), z.map(z.string(), z.int()), z.set(z.int()), z.tuple([z.int()]), z.null()].map(
      (schema) => [schema, mark] as const,
    ),
    ...[z.undefined(), z.never(), z.nan(), z.symbol(), z.void(), z.file()].map((schema) => [schema, mark] as const),
    [z.string(), { [mark]: mark }],
    [z.string().optional().nonoptional(), undefined],
    [secretText('A secret.'), [mark]],
    [z.coerce.number().max(count), mark],
  ],
  invalid_value: (mark, count) => [
    [z.enum(['a', 'b']), mark],
    [z.literal(count), mark],
    [z.enum(Array.from({ length: count + 1 }, (_, index) => `v${index}`) as [string, ...string[]]), mark],
  ],
  too_small: (mark, count) => [
    [z.string().min(mark.length + count + 1), mark],
    [z.string().length(mark.length + count + 1), mark],
    [z.array(z.string()).min(count + 2), [mark]],
    [z.set(z.string()).min(count + 2), new Set([mark])],
    [z.number().min(count), count - 1],
    [z.number().gt(count), count],
    [z.bigint().min(BigInt(count)), -1n],
    [z.date().min(new Date(count)), new Date(-1)],
    [z.file().min(count + 99), new File([mark], mark)],
  ],
  too_big: (mark, count) => [
    [z.string().max(count), mark.repeat(count + 1)],
    [secretText('A secret.', z.string().max(3)), mark],
    [z.array(z.string()).max(count), Array.from({ length: count + 1 }, () => mark)],
    [z.number().max(count), count + 1],
    [z.number().lt(count), count],
    [z.bigint().max(BigInt(count)), BigInt(count + 1)],
    [z.date().max(new Date(count)), new Date(count + 1)],
    [z.file().max(1), new File([mark], mark)],
  ],
  invalid_format: (mark) => [
    ...[z.email(), z.url(), z.emoji(), z.uuid(), z.guid(), z.nanoid(), z.cuid2(), z.ulid(), z.jwt(), z.e164()].map(
      (schema) => [schema, `${mark} `] as const,
    ),
    ...[z.iso.datetime(), z.iso.date(), z.iso.time(), z.iso.duration(), z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()].map(
      (schema) => [schema, mark] as const,
    ),
    ...[z.base64(), z.base64url(), z.mac(), z.string().regex(/^\d+$/), z.string().includes('§')].map(
      (schema) => [schema, `${mark} `] as const,
    ),
    ...[z.string().startsWith('§'), z.string().endsWith('§'), z.string().uppercase()].map(
      (schema) => [schema, `x${mark}`] as const,
    ),
    [z.stringFormat('own', () => false), mark],
    [z.templateLiteral(['a', z.int()]), mark],
  ],
  not_multiple_of: (_, count) => [
    [z.number().multipleOf(count + 2), 1],
    [z.bigint().multipleOf(BigInt(count + 2)), 1n],
  ],
  unrecognized_keys: (mark, count) => [
    [z.strictObject({ cores: z.int() }), { cores: 1, corse: mark }],
    [
      z.strictObject({ a: z.strictObject({ b: z.int() }) }),
      { a: { b: 1, ...Object.fromEntries(Array.from({ length: count + 1 }, (__, index) => [`n${index}`, mark])) } },
    ],
  ],
  invalid_union: (mark) => [
    [z.union([z.int(), z.boolean()]), mark],
    [z.union([z.int(), z.strictObject({ cores: z.int() })]), { cores: mark }],
    [z.union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.literal('b') })]), { a: 1, b: mark }],
    [
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('a') }),
        z.strictObject({ kind: z.literal('b') }),
      ]),
      { kind: mark },
    ],
    [z.xor([z.string(), z.string().min(1)]), mark],
  ],
  invalid_key: (mark) => [
    [z.record(z.string().regex(/^\d$/), z.unknown()), { name: mark }],
    [z.map(z.array(z.string()), z.unknown()), new Map([[[1], mark]])],
  ],
  invalid_element: (mark) => [[z.map(z.unknown(), z.int()), new Map([[{}, mark]])]],
  custom: (mark) => [
    [z.string().refine(() => false), mark],
    [z.custom(() => false), mark],
  ],
};

describe('every kind of misfit of the installed library', () => {
  it('is among those that are tried here', () => {
    expect(Object.keys(REFUSED).sort()).toEqual(Object.values<string>(z.ZodIssueCode).sort());
  });

  it.each(Object.entries(REFUSED))('%s: words of our own, and nothing of what was given', (code, refused) => {
    fc.assert(
      fc.property(fc.stringMatching(/^q[0-9a-f]{12}z$/), fc.integer({ min: 1, max: 60 }), (mark, count) => {
        for (const [schema, value] of refused(mark, count)) {
          const codes = schema.safeParse(value).error?.issues.map((issue) => issue.code) ?? [];
          expect(codes).toContain(code);
          const fitted = fit(schema, value);
          expect(fitted.success).toBe(false);
          for (const { what } of fitted.success ? [] : fitted.misfits) {
            expect(what).not.toMatch(THEIRS);
            expect(what).not.toContain(mark);
            expect(what).toMatch(/^(must|is|its|has|fits|\w+ (must|is)) /);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('a kind that a newer one adds is still refused in our words', () => {
    expect(misfitWords({ code: 'brand_new', input: 'x' } as never)).toBe('is not valid');
  });
});
