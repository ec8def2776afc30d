import * as fc from 'fast-check';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventBounds, type EventRecord, type Store } from '../store/index.ts';
import { onEveryEngine } from '../store/testing_engines.ts';
import { createAudit } from './audit.ts';
import { createEvents, type Events } from './events.ts';
import { verifyStore } from './keep.ts';
import { recordWorldOn, type RecordWorld } from './testing.ts';

const actor = { id: 'ada', class: 'human' } as const;

onEveryEngine((engine) => {
  if (!engine.replicas) {
    test('one process has the database, so nobody else can announce anything', async () => {
      const world = await recordWorldOn(engine);
      expect(world.store.exclusive).toBe(true);
      await world.end();
    });
    return;
  }
  let world: RecordWorld & { second(): Promise<Store> };
  let stores: Store[];
  let all: Events[];
  beforeEach(async () => {
    world = await recordWorldOn(engine);
    stores = [world.store, await world.second(), await world.second()];
    all = stores.map((store) => createEvents({ store, clock: world.clock }));
  });
  afterEach(() => world.end());

  const publish = (which: number, count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        (stores[which] as Store).commit((trx) =>
          (all[which] as Events).publish(trx, { type: `of ${which}`, data: { index } }),
        ),
      ),
    );

  /** Resolves once the listener of every replica has been told event `last`. */
  function listen(last: number): { told: EventRecord[][]; all: Promise<unknown> } {
    const told: EventRecord[][] = all.map(() => []);
    const done = all.map(
      (events, index) =>
        new Promise<void>((resolve) => {
          events.subscribe((event) => {
            told[index]?.push(event);
            if (event.id === last) resolve();
          });
        }),
    );
    return { told, all: Promise.all(done) };
  }

  async function take(events: Events, after: number, count: number): Promise<number[]> {
    const controller = new AbortController();
    const out: number[] = [];
    for await (const { id } of events.stream(after, {}, controller.signal)) {
      out.push(id);
      if (out.length === count) controller.abort();
    }
    return out;
  }
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

  test('listeners and streams of every replica have every event once, in one order', async () => {
    const heard = listen(181);
    const streams = all.map((events) => take(events, 0, 181));
    await publish(0, 1);
    for (let round = 0; round < 3; round += 1) await Promise.all([publish(0, 20), publish(1, 20), publish(2, 20)]);
    await heard.all;
    for (const list of heard.told) expect(list.map(({ id }) => id)).toEqual(upTo(181));
    for (const list of await Promise.all(streams)) expect(list).toEqual(upTo(181));
    expect(new Set(heard.told[2]?.map(({ type }) => type))).toEqual(new Set(['of 0', 'of 1', 'of 2']));
  });

  test('what was announced while the connection that listens was lost is heard after it', async () => {
    await publish(0, 1);
    const heard = listen(26);
    const kill = sql`select count(pg_terminate_backend(pid)) from pg_stat_activity
      where query like 'LISTEN%' and datname = current_database()`;
    await publish(0, 5);
    for (let round = 0; round < 4; round += 1) {
      await kill.execute(stores[0]?.db as Store['db']);
      await publish(round % 2, 5);
    }
    await heard.all;
    // The first was published before; a replica that had not heard of it yet may tell it as well.
    for (const list of heard.told) {
      expect(list.map(({ id }) => id).filter((id) => id > 1)).toEqual(upTo(26).slice(1));
    }
  });

  test('a head that another replica has moved, in any order of turns, leaves neither hole nor fork', async () => {
    const audits = stores.map((store) => createAudit({ ...world, store }));
    const turn = fc.record({ which: fc.nat(2), count: fc.integer({ min: 1, max: 3 }), fails: fc.boolean() });
    const one = ({ which, fails }: { which: number; fails: boolean }) =>
      (stores[which] as Store).commit(async (trx) => {
        await audits[which]?.append(trx, { actor, event: 'e' });
        await all[which]?.publish(trx, { type: 'e' });
        if (fails) throw new Error('no');
      });
    let good = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { maxLength: 12 }), async (turns) => {
        for (const { which, count, fails } of turns) {
          // Long enough for each to take itself for the only one again.
          world.clock.advance(61_000);
          // Those of one turn share a transaction; the last of it may fail.
          const asked = upTo(count).map((n) => one({ which, fails: fails && n === count }));
          const made = (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled').length;
          expect(made).toBe(count - (fails ? 1 : 0));
          good += made;
        }
        const { records } = await verifyStore(stores[0] as Store, world.keys);
        expect([records, (await eventBounds(stores[1] as Store)).last]).toEqual([good, good]);
      }),
      { numRuns: 25 },
    );
  });

  test('replicas that record at once make one chain', async () => {
    const audits = stores.map((store) => createAudit({ ...world, store }));
    await Promise.all(
      upTo(150).map((index) =>
        (stores[index % 3] as Store)
          .commit(async (trx) => {
            await audits[index % 3]?.append(trx, { actor, event: 'e', payload: { index } });
            if (index % 7 === 0) throw new Error('no');
          })
          .catch(() => undefined),
      ),
    );
    await audits[1]?.checkpoint();
    expect(await verifyStore(stores[2] as Store, world.keys)).toMatchObject({
      records: 150 - 21,
      after_last_checkpoint: 0,
    });
  });
});
