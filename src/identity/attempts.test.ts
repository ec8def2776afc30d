import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { isAgentError } from '../kernel/errors.ts';
import { temporaryStore, type TemporaryStore } from '../store/testing.ts';
import { onEveryEngine } from '../store/testing_engines.ts';
import { countAttempt, waitAfter } from './attempts.ts';
import { testIdentity } from './testing.ts';

const at = (address: string) => ({ address, via: 'web' as const });

onEveryEngine((engine) => {
  test('wrong attempts cost more and more, of every replica together, and never for ever', async () => {
    const opened = await engine.open();
    const other = engine.replicas ? await opened.second() : opened.store;
    const replicas = [testIdentity(opened), testIdentity(opened, other)];
    const waits: number[] = [];
    for (let count = 0; count < 25; count++) {
      const deps = replicas[count % 2] ?? testIdentity(opened);
      await countAttempt(deps, 'ana', at(`10.0.0.${count}`));
      const refused = await countAttempt(deps, 'Ana', at('10.9.9.9')).catch((error: unknown) => error);
      const wait = isAgentError(refused, 'RATE_LIMITED') ? Number(refused.details.more?.['retry_after']) : 0;
      // What was let through for the measure is taken back.
      if (!isAgentError(refused)) await (refused as { undecided(): Promise<void> }).undecided();
      waits.push(wait);
      opened.clock.advance(wait * 1000);
    }
    expect(waits.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
    expect(waits.slice(5, 10)).toEqual([1, 2, 4, 8, 16]);
    expect(Math.max(...waits)).toBe(900);
    expect(waits.at(-1)).toBe(900);
    await opened.end();
  }, 30_000);
});

let opened: TemporaryStore;
beforeAll(() => {
  opened = temporaryStore();
});
afterAll(() => opened.end());

it('as many at once count as many: no more are looked at than one after the other', async () => {
  const deps = testIdentity(opened);
  const all = await Promise.allSettled(
    Array.from({ length: 40 }, (_, index) => countAttempt(deps, 'crowd', at(`10.1.0.${index}`))),
  );
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
});

it('an address that tries many names is slowed down too, an IPv6 network as a whole', async () => {
  const deps = testIdentity(opened);
  for (let count = 0; count < 31; count++)
    await countAttempt(deps, `name${count}`, at(`2001:db8:1:2:${count.toString(16)}::1`));
  await expect(countAttempt(deps, 'fresh', at('2001:db8:1:2:ffff::1'))).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  await countAttempt(deps, 'fresh', at('2001:db8:1:3::1'));
});

/** Wrong, right and undecided attempts and the passing of time, in any order, against a plain count. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.constant('wrong' as const) },
  { weight: 1, arbitrary: fc.constant('right' as const) },
  { weight: 2, arbitrary: fc.constant('undecided' as const) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 * 60_000 }) },
);

it('is what a plain count of failures says', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const deps = testIdentity(opened);
      const [name, address] = [`model${++run}`, `model-${run}`];
      let failures = 0;
      let until = 0;
      for (const one of steps) {
        if (typeof one === 'number') {
          opened.clock.advance(one);
          continue;
        }
        const now = opened.clock.now();
        const attempt = await countAttempt(deps, name, at(address)).catch((error: unknown) => {
          if (isAgentError(error, 'RATE_LIMITED')) return undefined;
          throw error;
        });
        expect(attempt !== undefined).toBe(until <= now);
        if (attempt === undefined) continue;
        if (one === 'wrong') until = now + waitAfter('name', ++failures);
        if (one === 'right') [failures, until] = [0, 0];
        await (one === 'right' ? attempt.succeeded() : one === 'undecided' ? attempt.undecided() : undefined);
        if (one === 'undecided') until = 0;
      }
    }),
    { numRuns: 40 },
  );
});
