import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../kernel/secret.ts';
import type { EventRecord } from '../store/index.ts';
import { onEveryEngine } from '../store/testing_engines.ts';
import { createEvents, type Events, type StreamFilter } from './events.ts';
import { createMetrics } from './metrics.ts';
import { recordWorldOn, type RecordWorld } from './testing.ts';

onEveryEngine((engine) => {
  let it: RecordWorld;
  let events: Events;
  beforeEach(async () => {
    it = await recordWorldOn(engine);
    events = createEvents({ ...it, keep: 1_000 });
  });
  afterEach(() => it.end());

  const publish = (type: string, more: object = {}): Promise<EventRecord> =>
    it.store.commit((trx) => events.publish(trx, { type, environment: 'home', ...more }));

  /** Takes `count` events from a stream, then ends it. */
  async function take(after: number | null, count: number, filter: StreamFilter = {}): Promise<EventRecord[]> {
    const controller = new AbortController();
    const out: EventRecord[] = [];
    for await (const event of events.stream(after, filter, controller.signal)) {
      out.push(event);
      if (out.length === count) controller.abort();
    }
    return out;
  }
  const ids = (list: readonly EventRecord[]): number[] => list.map(({ id }) => id);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('stored and live events come once each, in order, while others are published and fail', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('one', 'burst', 'fail', 'wait'), { minLength: 1, maxLength: 15 }),
        fc.nat(3),
        async (steps, offset) => {
          const start = (await publish('start')).id;
          const after = Math.max(0, start - offset);
          const amount = steps.reduce((sum, step) => sum + (step === 'one' ? 1 : step === 'burst' ? 5 : 0), 0);
          const got = take(after, amount + (start - after) + 1);
          for (const step of steps) {
            if (step === 'one') await publish('e');
            if (step === 'burst') await Promise.all([1, 2, 3, 4, 5].map(() => publish('e')));
            if (step === 'wait') await turn();
            if (step === 'fail') {
              const failing = it.store.commit(async (trx) => {
                await events.publish(trx, { type: 'lost' });
                throw new Error('no');
              });
              await expect(failing).rejects.toThrow('no');
            }
          }
          await publish('end');
          const list = await got;
          expect(ids(list)).toEqual(list.map((_, index) => after + 1 + index));
          expect(list.at(-1)?.type).toBe('end');
          expect(list.some(({ type }) => type === 'lost')).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a stream from now on begins with the next event', async () => {
    await publish('old');
    const got = take(null, 1);
    await turn();
    await publish('new');
    expect((await got).map(({ type }) => type)).toEqual(['new']);
  });

  test('filters by type, environment and ids', async () => {
    await publish('a', { ids: { plan_id: 'p' } });
    await publish('b', { ids: { plan_id: 'p' }, environment: 'cloud' });
    await publish('a', { ids: { plan_id: 'q' } });
    expect(ids(await take(0, 2, { types: ['a'] }))).toEqual([1, 3]);
    expect(ids(await take(0, 1, { environment: 'cloud' }))).toEqual([2]);
    expect(ids(await take(0, 2, { ids: { plan_id: 'p' } }))).toEqual([1, 2]);
  });

  test('a slow watcher gets everything that is kept, in pages', async () => {
    const total = 650;
    for (let index = 0; index < total; index += 50) await Promise.all(Array.from({ length: 50 }, () => publish('e')));
    const controller = new AbortController();
    const got: number[] = [];
    for await (const { id } of events.stream(0, {}, controller.signal)) {
      got.push(id);
      if (id % 100 === 0 && id <= total) await publish('more');
      if (got.length === total + 6) controller.abort();
    }
    expect(got).toEqual(Array.from({ length: total + 6 }, (_, index) => index + 1));
  });

  test('who asks for what is no longer kept is told what is lost', async () => {
    events = createEvents({ ...it, keep: 20 });
    for (let count = 0; count < 50; count += 1) await publish('e');
    const fresh = await take(0, 3);
    expect(ids(fresh)).toEqual([31, 32, 33]);
    expect(await take(30, 1)).toMatchObject([{ id: 31, type: 'e' }]);
    expect(await take(10, 2)).toMatchObject([
      { id: 30, type: 'events.lost', data: { from: 11, to: 30 } },
      { id: 31, type: 'e' },
    ]);
    expect(await take(99, 1)).toMatchObject([{ id: 50, type: 'events.lost', data: { from: 51, to: 99 } }]);
  });

  test('a watcher that falls behind what is kept is told, and goes on', async () => {
    events = createEvents({ ...it, keep: 20 });
    await publish('e');
    const controller = new AbortController();
    const stream = events.stream(0, {}, controller.signal);
    expect((await stream.next()).value).toMatchObject({ id: 1 });
    for (let count = 0; count < 60; count += 1) await publish('e');
    expect((await stream.next()).value).toMatchObject({ type: 'events.lost', data: { from: 2, to: 40 } });
    expect((await stream.next()).value).toMatchObject({ id: 41, type: 'e' });
    controller.abort();
    expect((await stream.next()).done).toBe(true);
  });

  test('an abort ends a waiting stream', async () => {
    const controller = new AbortController();
    const next = events.stream(null, {}, controller.signal).next();
    await turn();
    controller.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('subscribers learn of an event after its commit, and only then', async () => {
    const seen: string[] = [];
    const stop = events.subscribe(({ type }) => seen.push(type));
    await it.store.commit(async (trx) => {
      await events.publish(trx, { type: 'a' });
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual(['a']);
    stop();
    await publish('b');
    expect(seen).toEqual(['a']);
  });

  test('a secret in an event is redacted', async () => {
    await publish('a', { data: { password: new Secret('hunter2') }, ids: { x: new Secret('hunter2') } });
    expect(JSON.stringify(await take(0, 1))).not.toContain('hunter2');
  });

  test('metrics carry our prefix and do not share a registry', async () => {
    const one = createMetrics({ process: true });
    const two = createMetrics();
    one.plans.inc({ environment: 'home', action: 'vm.clone', state: 'planned' });
    one.effectSeconds.observe({ environment: 'home', task: 'qmclone' }, 3);
    const text = await one.text();
    expect(text).toContain('proxmox_agent_plans_total{environment="home",action="vm.clone",state="planned"} 1');
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? '');
    expect(names.filter((name) => !name.startsWith('proxmox_agent_'))).toEqual([]);
    expect(await two.text()).not.toContain('vm.clone');
    expect(two.contentType).toContain('text/plain');
  });
});
