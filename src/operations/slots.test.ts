import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../kernel/clock.ts';
import { claimOperation, insertOperation, insertPlan, type Store } from '../store/index.ts';
import { samplePlan, type TemporaryStore } from '../store/testing.ts';
import { onEveryEngine } from '../store/testing_engines.ts';
import { SharedSlots } from './slots.ts';

/** Each look at a place that is not free costs a turn; what is to happen meanwhile happens in it. */
class Between extends ManualClock {
  meanwhile: (() => Promise<void>) | undefined;
  override async sleep(ms: number): Promise<void> {
    await super.sleep(ms);
    await this.meanwhile?.();
  }
}

onEveryEngine((engine) => {
  let store: Store;
  let opened: TemporaryStore;
  const clock = new Between();
  const go = (): void => {};
  beforeEach(async () => {
    opened = await engine.open();
    ({ store } = opened);
    clock.meanwhile = undefined;
    for (const id of ['one', 'two']) {
      const plan = samplePlan({ plan_id: `plan-${id}` });
      await store.commit(async (trx) => {
        await insertPlan(trx, plan);
        await insertOperation(trx, {
          operation_id: id,
          plan_id: plan.plan_id,
          environment: 'home',
          created_at: 0,
          body: {},
        });
      });
    }
  });
  afterEach(() => opened.end());
  const slots = (operation_id: string, fence = 0): SharedSlots =>
    new SharedSlots({ store, clock }, { operation_id, fence });
  const template = [['home/template/9000', 1]] as const;

  it('lets the second operation wait until the first has let go', async () => {
    const waits: string[] = [];
    const leave = await slots('one').take(template, go, go);
    clock.meanwhile = async () => {
      clock.meanwhile = undefined;
      await leave();
    };
    const second = await slots('two').take(template, (name) => waits.push(name), go);
    expect(waits).toEqual(['home/template/9000']);
    await second();
    await (
      await slots('one').take(template, (name) => waits.push(name), go)
    )();
    expect(waits).toHaveLength(1);
  });

  it('keeps a place as long as one effect of the operation is there', async () => {
    const one = slots('one');
    const [first, second] = [await one.take(template, go, go), await one.take(template, go, go)];
    await first();
    const stop = (): never => {
      throw new Error('still taken');
    };
    await expect(slots('two').take(template, go, stop)).rejects.toThrow('still taken');
    await second();
    await slots('two').take(template, go, stop);
  });

  it('takes all places or none', async () => {
    const both = [...template, ['home/node/pve1', 1]] as const;
    const leave = await slots('one').take(template, go, go);
    const stop = (): never => {
      throw new Error('not free');
    };
    await expect(slots('two').take(both, go, stop)).rejects.toThrow('not free');
    await slots('one').take([['home/node/pve1', 1]], go, stop);
    await leave();
  });

  it('goes over to whoever takes the operation over, and is not given away by its former owner', async () => {
    const former = await slots('one').take(template, go, go);
    const claim = { owner: 'b', now: 0, lease_until: 1, force: true };
    const { fence } = await store.commit((trx) => claimOperation(trx, 'one', claim));
    const again = await slots('one', fence).take(template, go, go);
    await former();
    const stop = (): never => {
      throw new Error('still taken');
    };
    await expect(slots('two').take(template, go, stop)).rejects.toThrow('still taken');
    await expect(slots('one').take(template, go, go)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    await again();
  });
});
