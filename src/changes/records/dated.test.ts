import { afterEach, beforeEach, expect, it } from 'vitest';
import { Case } from '../../../test/contract/cases.ts';
import { person, type Harness } from '../../../test/support/harness.ts';
import { changesBetween } from './dated.ts';
import { createChange, setStatus } from './index.ts';

let one: Case;
let life: Harness;
beforeEach(() => {
  one = new Case();
  life = one.life();
});
afterEach(async () => {
  await life.close();
  one.close();
});

const make = async (date: string): Promise<string> =>
  String((await createChange(life.changes, { content: { title: 'x', date } }, person))['id']);
const at = (text: string): number => Date.parse(`${text}Z`);
const november = { from: at('2026-11-01T00:00'), to: at('2026-12-01T00:00') };
const seen = async (interval = november): Promise<string[]> =>
  (await changesBetween(life.store, person, 'Europe/Berlin', interval)).map(({ record, from, to }) =>
    [record.content.date, new Date(from).toISOString().slice(0, 16), new Date(to).toISOString().slice(0, 16)].join(
      ' | ',
    ),
  );

it('changes stand in the calendar on their day, on the lab’s clock; others are not guessed at', async () => {
  const not = [
    '',
    '2025-01-XX',
    'next week',
    '2026-02-30',
    '2026-13-01',
    '2026-11-28 25:00',
    '28.11.2026',
    '2026-11-281',
  ];
  for (const date of [...not, '2026-11-28', '2026-11-27 20:30 after dinner', '2026-11-26T9:00', '2026-12-02'])
    await make(date);
  expect(await seen()).toEqual([
    '2026-11-26T9:00 | 2026-11-26T08:00 | 2026-11-26T23:00',
    '2026-11-27 20:30 after dinner | 2026-11-27T19:30 | 2026-11-27T23:00',
    '2026-11-28 | 2026-11-27T23:00 | 2026-11-28T23:00',
  ]);
  // A day of 25 hours, from its midnight to the next.
  await make('2026-10-25');
  expect(await seen({ from: at('2026-10-25T22:59'), to: at('2026-10-26T00:00') })).toEqual([
    '2026-10-25 | 2026-10-24T22:00 | 2026-10-25T23:00',
  ]);
});

it('a rejected change is not there, nor one of environments that the caller does not see', async () => {
  const id = await make('2026-11-28');
  expect(await seen()).toHaveLength(1);
  await setStatus(life.changes, id, { status: 'rejected', note: 'not now' }, person);
  expect(await seen()).toEqual([]);
});
