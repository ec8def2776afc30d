import { expect, it } from 'vitest';
import { actorOf } from '../../src/identity/index.ts';
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

it('an operation whose task was stopped by its cancel was canceled, and did not fail', () =>
  inCase(async (one) => {
    const life = one.life();
    const done = new Promise<void>((resolve, reject) => {
      life.changes.events.subscribe(({ type, ids }) => {
        if (type === 'operation.progress')
          void life.engine.cancel(String(ids['operation_id']), actorOf(person)).then(resolve, reject);
      });
    });
    const operation_id = await life.begin(
      await life.plan({ action: 'vm.clone', target: 'vm/9000', params: { name: 'web1', full: true } }),
    );
    await done;
    expect(await life.end(operation_id)).toMatchObject({ state: 'canceled', error: { code: 'OPERATION_STATE' } });
    expect(one.calls().some((call) => call.startsWith('DELETE /nodes/pve4/tasks/'))).toBe(true);
    await life.close();
  }));
