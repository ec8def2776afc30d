import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TraceStep } from '../operations/index.ts';
import { addDuration } from '../store/index.ts';
import { temporaryStore, type TemporaryStore } from '../store/testing.ts';
import { predict } from './predict.ts';

let temporary: TemporaryStore;
beforeEach(() => {
  temporary = temporaryStore();
});
afterEach(() => temporary.end());

const step = (request: string, task: string | null): TraceStep => ({
  seq: 1,
  request,
  index: 0,
  title: 'x',
  method: 'POST',
  path: '/x',
  params: {},
  task,
  undo: { kind: 'none', why: 'x' },
  runtime: [],
});
const seconds = (trace: TraceStep[], after: Record<string, string[]>): Promise<number> =>
  predict(temporary.store, 'home', trace, new Map(Object.entries(after)));

describe('the predicted time', () => {
  it('is nothing for nothing, and a moment for a call without a task', async () => {
    expect(await seconds([], { a: [] })).toBe(0);
    expect(await seconds([step('a', null)], { a: [] })).toBe(0.2);
  });

  it('of one request is the sum of its steps, by stated defaults at first', async () => {
    expect(await seconds([step('a', 'qmclone'), step('a', null), step('a', 'qmstart')], { a: [] })).toBe(35.2);
    expect(await seconds([step('a', 'a-new-type')], { a: [] })).toBe(10);
  });

  it('is that of the longest chain: what waits for nothing runs side by side', async () => {
    const trace = [step('a', 'qmclone'), step('b', 'qmstart'), step('c', 'qmstop')];
    expect(await seconds(trace, { a: [], b: [], c: [] })).toBe(30);
    expect(await seconds(trace, { a: [], b: ['a'], c: [] })).toBe(35);
    expect(await seconds(trace, { a: [], b: ['a'], c: ['a', 'b'] })).toBe(38);
  });

  it('of clones of one template is their sum, for they go one after the other', async () => {
    const clone = (request: string, path: string) => ({ ...step(request, 'qmclone'), path });
    const trace = [clone('a', '/t1'), clone('b', '/t1'), clone('c', '/t1'), clone('d', '/t2')];
    expect(await seconds(trace, { a: [], b: [], c: [], d: [] })).toBe(90);
  });

  it('comes from the history of this lab where there is one, and from no other lab', async () => {
    const add = (environment: string, took: number) =>
      temporary.store.commit((trx) =>
        addDuration(trx, { environment, task_type: 'qmstart', node: 'n', seconds: took, bytes: null, at: 1 }),
      );
    await add('other', 900);
    expect(await seconds([step('a', 'qmstart')], { a: [] })).toBe(5);
    for (const took of [40, 42, 44]) await add('home', took);
    expect(await seconds([step('a', 'qmstart')], { a: [] })).toBe(42);
  });
});
