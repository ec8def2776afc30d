import { cpuUsage } from 'node:process';
import { expect, it } from 'vitest';
import { hashPassword, passwordFits, weakness } from './passwords.ts';

const PASSWORD = 'a-quiet-harbour-47';

it('is kept as argon2id, with a salt of its own, and found again however it is composed', async () => {
  const [one, other] = [await hashPassword(PASSWORD), await hashPassword(PASSWORD)];
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(one).not.toBe(other);
  expect(await passwordFits(one, PASSWORD)).toBe(true);
  expect(await passwordFits(one, `${PASSWORD} `)).toBe(false);
  // The same letter as one character or as two.
  expect(await passwordFits(await hashPassword('fl\u00fcchtiger-hafen'), 'flu\u0308chtiger-hafen')).toBe(true);
});

it('costs as much where there is none to compare with, and never fits there', async () => {
  const hash = await hashPassword(PASSWORD);
  // The least of several: what else the machine does only ever adds, as does loading the library.
  const costOf = async (stored: string | null | undefined): Promise<number> => {
    const costs: number[] = [];
    for (let time = 0; time < 8; time++) {
      const before = cpuUsage();
      expect(await passwordFits(stored, 'somebody-else')).toBe(false);
      const { user, system } = cpuUsage(before);
      costs.push(user + system);
    }
    return Math.min(...costs);
  };
  const known = await costOf(hash);
  for (const nobody of [null, undefined]) expect(await costOf(nobody)).toBeGreaterThan(known / 2);
  expect(await passwordFits(null, '')).toBe(false);
});

it.each([
  ['short-one-1', 'must have 12'],
  ['x'.repeat(257), 'at the most'],
  ['aaaaaaaaaaaaaaab', 'repeats'],
  ['9182736450918', 'digits'],
  ['1q2w3e4r5t6y', 'row of the keyboard'],
  ['P4ssw0rdP4ssw0rd', 'most common'],
  ['ana-example-2026', 'your name'],
])('%s is not taken', (password, why) => {
  expect(weakness(password, ['ana', 'Ana Example'])).toContain(why);
});
