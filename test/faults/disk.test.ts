import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { authenticate, createToken } from '../../src/identity/index.ts';
import { AgentError, isAgentError } from '../../src/kernel/errors.ts';
import type { PveApi } from '../../src/proxmox/index.ts';
import { putSetting, type Store, type StoreTx } from '../../src/store/index.ts';
import type { Operation } from '../contract/cases.ts';
import { person, type Harness } from '../support/harness.ts';
import { inRig } from './support.ts';

const CREATE = {
  action: 'vm.create_from_template',
  target: 'vm/9000',
  params: { name: 'web1', cores: 4, wait: 0 },
};
const AT = '/nodes/pve4/qemu';
const STEPS = [`POST ${AT}/9000/clone`, `PUT ${AT}/100/config`, `POST ${AT}/100/status/start`];

const ENDED = ['applied', 'failed', 'canceled', 'needs_attention'];

const pages = (store: Store, count: number): Promise<unknown> =>
  store.commit((trx) => sql.raw(`PRAGMA max_page_count = ${count}`).execute(trx.db));

/**
 * The database may grow no more, and the gaps are filled into which a record of anything would still fit: as on a disk
 * without a free block.
 */
async function fill({ store, changes: { audit, events } }: Harness): Promise<void> {
  await pages(store, 1);
  const actor = { id: 'filler', class: 'system' } as const;
  const rows: ((trx: StoreTx, key: number) => Promise<unknown>)[] = [
    ...[30_000, 3_000, 300].map(
      (size) => (trx: StoreTx, key: number) => putSetting(trx, `fill ${size} ${key}`, 'x'.repeat(size), 0),
    ),
    (trx) => audit.append(trx, { actor, event: 'x' }),
    (trx) => events.publish(trx, { type: 'x', environment: 'home', ids: {} }),
  ];
  for (const row of rows) {
    for (let key = 0; ; key++) {
      try {
        await store.commit((trx) => row(trx, key));
      } catch (error) {
        if (!isAgentError(error, 'STORE_FAILED')) throw error;
        break;
      }
    }
  }
}
const makeRoom = (store: Store): Promise<unknown> => pages(store, 1_000_000);

describe('a full disk of the data directory', () => {
  it('is no reason to refuse who only reads', () =>
    inRig(async (rig) => {
      const life = rig.life();
      const { identity } = life;
      const { store } = identity;
      const { id, token } = await createToken(identity, { name: 'eye', role: 'viewer', class: 'human' }, person);
      // As the kernel refuses the very next page of the log, which a limit of the database's size does not show.
      const commit = () => Promise.reject(new AgentError('STORE_FAILED', 'The disk of the data directory is full.'));
      const use = { via: 'http', what: 'GET /v1/plans' } as const;
      expect(await authenticate({ ...identity, store: { ...store, commit } }, token, use)).toMatchObject({ id });
      await life.close();
    }));

  it('refuses a plan and an apply in clear words, and sends nothing', () =>
    inRig(async (rig) => {
      const life = rig.life();
      const plan = await life.plan(CREATE);
      await fill(life);
      const words = 'The disk of the data directory is full.';
      await expect(life.plan(CREATE)).rejects.toThrow(words);
      await expect(life.begin(plan)).rejects.toThrow(words);
      expect(rig.simulator.calls).toEqual([]);
      await makeRoom(life.store);
      const operation = (await life.end(await life.begin(plan))) as Operation;
      expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
      await life.close();
      expect(rig.calls()).toEqual(STEPS);
    }));

  it.each([1, 2, 3])('after step %i was carried out stops there, and goes on by itself when there is room', (nth) =>
    inRig(async (rig) => {
      let sent = 0;
      let full: (() => void) | undefined;
      const filled = new Promise<void>((resolve) => (full = resolve));
      const api: PveApi = {
        ...rig.api,
        call: async (request) => {
          const answer = await rig.api.call(request);
          if (request.method !== 'GET' && ++sent === nth) {
            await fill(life);
            full?.();
          }
          return answer;
        },
      };
      const life = rig.life(api);
      const operation_id = await life.begin(await life.plan(CREATE));
      await filled;
      await life.engine.idle(operation_id);
      // What was not recorded was not sent: PVE has seen this step and none after it.
      expect(rig.calls()).toEqual(STEPS.slice(0, nth));
      expect(ENDED).not.toContain((await life.view(operation_id))['state']);
      await makeRoom(life.store);
      for (let look = 0; look < 5_000; look++) {
        await life.engine.idle(operation_id);
        if (ENDED.includes(String((await life.view(operation_id))['state']))) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      const ended = (await life.view(operation_id)) as Operation;
      await life.close();
      expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'applied' });
      expect(rig.calls()).toEqual(STEPS);
    }),
  );
});
