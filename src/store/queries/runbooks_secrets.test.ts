import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TemporaryStore } from '../testing.ts';
import { onEveryEngine } from '../testing_engines.ts';
import {
  getRunbookRun,
  insertRunbookRun,
  listRunbookRuns,
  openRunbookRuns,
  updateRunbookRun,
  type RunbookRunRecord,
} from './runbook_runs.ts';
import { deleteStoredSecret, listStoredSecrets, putStoredSecret } from './stored_secrets.ts';

onEveryEngine((engine) => {
  let it: TemporaryStore;
  beforeEach(async () => {
    it = await engine.open();
  });
  afterEach(() => it.end());

  const actor = { id: 'ada', class: 'human' as const };
  const run = (run_id: string, more: Partial<RunbookRunRecord> = {}): RunbookRunRecord => ({
    run_id,
    runbook_id: 'demo',
    state: 'waiting',
    change_id: null,
    created_at: 1,
    updated_at: 1,
    ended_at: null,
    created_by: actor,
    body: { steps: [] },
    ...more,
  });

  test('runs come back as they were written, newest first, by state and by page', async () => {
    const all = [run('a'), run('b', { change_id: 'CC-001' }), run('c', { state: 'done', ended_at: 2 })];
    for (const one of all) await it.store.commit((trx) => insertRunbookRun(trx, one));
    expect(await getRunbookRun(it.store, 'b')).toEqual(all[1]);
    const ids = async (filter: object): Promise<string[]> =>
      (await listRunbookRuns(it.store, { limit: 10, ...filter })).map(({ run_id }) => run_id);
    expect(await ids({})).toEqual(['c', 'b', 'a']);
    expect(await ids({ before: 'c', limit: 1 })).toEqual(['b']);
    expect(await ids({ states: ['done', 'failed'] })).toEqual(['c']);
    expect((await openRunbookRuns(it.store)).map(({ run_id }) => run_id)).toEqual(['a', 'b']);
    await expect(getRunbookRun(it.store, 'z')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a run changes its state, its body and its end, and nothing else; a state that is none is refused', async () => {
    await it.store.commit((trx) => insertRunbookRun(trx, run('a')));
    const change = { run_id: 'a', state: 'done', updated_at: 5, ended_at: 5, body: { steps: [1] } } as const;
    await it.store.commit((trx) => updateRunbookRun(trx, change));
    expect(await getRunbookRun(it.store, 'a')).toEqual(run('a', change));
    const wrong = { ...change, state: 'odd' as 'done' };
    await expect(it.store.commit((trx) => updateRunbookRun(trx, wrong))).rejects.toThrow();
    expect(await getRunbookRun(it.store, 'a')).toEqual(run('a', change));
  });

  test('a stored secret is replaced under its name and keeps when it was first set', async () => {
    const secret = {
      name: 'home',
      blob: Buffer.from([0, 1, 255]),
      key_id: 'k',
      created_at: 1,
      updated_at: 1,
      updated_by: actor,
    };
    await it.store.commit((trx) => putStoredSecret(trx, secret));
    const later = { ...secret, blob: Buffer.from([7]), key_id: 'l', created_at: 9, updated_at: 9 };
    await it.store.commit((trx) => putStoredSecret(trx, later));
    const [found, ...others] = await listStoredSecrets(it.store);
    expect({ ...found, blob: [...(found?.blob ?? [])] }).toEqual({ ...later, blob: [7], created_at: 1 });
    expect(others).toEqual([]);
    const remove = (): Promise<boolean> => it.store.commit((trx) => deleteStoredSecret(trx, 'home'));
    expect([await remove(), await remove()]).toEqual([true, false]);
  });
});
