import { expect, it } from 'vitest';
import { actorOf } from '../../src/changes/index.ts';
import { inCase } from '../contract/cases.ts';
import { person } from '../support/harness.ts';

it('a cancel that was answered outlives the process: the next one takes back what was done', () =>
  inCase(async (one) => {
    const first = one.life();
    const plan = await first.plan({
      action: 'vm.create_from_template',
      target: 'vm/9000',
      params: { name: 'web1', cores: 4 },
    });
    const canceled = new Promise<void>((resolve, reject) => {
      first.changes.events.subscribe(({ type, ids }) => {
        if (type !== 'operation.effect.done') return;
        // The process ends right after the answer, before the operation comes to its next step.
        void first.engine
          .cancel(String(ids['operation_id']), actorOf(person))
          .then(() => first.engine.close())
          .then(resolve, reject);
      });
    });
    const operation_id = await first.begin(plan);
    await canceled;
    await first.close();

    const second = one.life();
    await second.engine.recover();
    expect(await second.end(operation_id)).toMatchObject({ state: 'canceled' });
    expect(one.changes()).toEqual([]);
    await second.close();
  }));
