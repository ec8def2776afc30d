import { demand, demandAclRight, may } from '../access/check.ts';
import { change } from '../access/users.ts';
import { clusterRows } from '../cluster/resources.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import { servesNode } from '../storage/lookup.ts';
import type { Pool, State } from '../state/types.ts';

function poolById(state: State, poolid: string): Pool {
  const pool = state.pools.get(poolid);
  if (pool === undefined) throw fail(`pool '${poolid}' does not exist`);
  return pool;
}

/** Members as the resource list shows them, without their tags and pool. */
function members(call: Call, pool: Pool): unknown[] {
  const type = call.params.maybe('type');
  const { storages } = call.world.state;
  // A storage shows on the node that was asked, or on the first one that has it.
  const nodeOf = (id: string): string => {
    const storage = storages.get(id);
    if (storage === undefined || servesNode(storage, call.node)) return call.node;
    return splitList(String(storage.options.nodes)).toSorted()[0] ?? call.node;
  };
  return clusterRows(call, { all: true })
    .filter((row) =>
      row.vmid === undefined
        ? row.type === 'storage' &&
          pool.storages.includes(String(row.storage)) &&
          row.node === nodeOf(String(row.storage))
        : pool.vms.includes(Number(row.vmid)),
    )
    .filter((row) => type === undefined || row.type === type)
    .map(({ tags: _tags, pool: _pool, lock: _lock, hastate: _ha, ...row }) => row);
}

function details(call: Call, pool: Pool): Record<string, unknown> {
  return { ...(pool.comment === undefined ? {} : { comment: pool.comment }), members: members(call, pool) };
}

function list(call: Call): unknown[] {
  const { world, params } = call;
  const poolid = params.maybe('poolid');
  if (poolid !== undefined) return [{ poolid, ...details(call, poolById(world.state, poolid)) }];
  return [...world.state.pools.values()]
    .filter((pool) => may(call, `/pool/${pool.poolid}`, ['Pool.Audit']))
    .map((pool) => ({ poolid: pool.poolid, ...(pool.comment === undefined ? {} : { comment: pool.comment }) }));
}

const LETTER = 'pool name must start with a letter';

function create({ world, params }: Call): null {
  const { pools } = world.state;
  return change('create pool', () => {
    const poolid = params.text('poolid');
    if (pools.has(poolid)) throw fail(`pool '${poolid}' already exists`);
    const slash = poolid.lastIndexOf('/');
    const parent = poolid.slice(0, Math.max(0, slash));
    if (slash > 0 && !pools.has(parent)) throw fail(`parent '${parent}' of pool '${poolid}' does not exist`);
    if (!/^[A-Za-z]/.test(poolid.slice(slash + 1))) throw fail(LETTER);
    const comment = params.maybe('comment') ?? '';
    pools.set(poolid, { poolid, vms: [], storages: [], ...(comment === '' ? {} : { comment }) });
    return null;
  });
}

/** Everything or nothing: what is refused half way leaves the pools as they were. */
function update(call: Call): null {
  const { params, world } = call;
  const { state } = world;
  return change('update pools', () => {
    const { poolid } = poolById(state, params.text('poolid'));
    const pools = new Map(
      [...state.pools].map(([id, pool]) => [id, { ...pool, vms: [...pool.vms], storages: [...pool.storages] }]),
    );
    const pool = pools.get(poolid) ?? { poolid, vms: [], storages: [] };
    const remove = params.flag('delete');
    if (params.has('comment')) pool.comment = params.text('comment');
    for (const vmid of splitList(params.maybe('vms') ?? '').map(Number)) {
      demandAclRight(call, `/vms/${vmid}`);
      if (remove) pool.vms = without(pool.vms, vmid, `VM ${vmid} is not a pool member`);
      else join(call, pools, pool, vmid);
    }
    for (const storage of splitList(params.maybe('storage') ?? '')) {
      demandAclRight(call, `/storage/${storage}`);
      if (remove) pool.storages = without(pool.storages, storage, `Storage '${storage}' is not a pool member`);
      else if (pool.storages.includes(storage)) throw fail(`Storage '${storage}' is already a pool member`);
      else pool.storages.push(storage);
    }
    for (const [id, changed] of pools) state.pools.set(id, changed);
    return null;
  });
}

function without<T>(members: readonly T[], one: T, missing: string): T[] {
  if (!members.includes(one)) throw fail(missing);
  return members.filter((member) => member !== one);
}

/** An id without a guest may join as well (FACTS 40). */
function join(call: Call, pools: ReadonlyMap<string, Pool>, pool: Pool, vmid: number): void {
  const before = [...pools.values()].find(({ vms }) => vms.includes(vmid));
  if (before === pool) throw fail(`VM ${vmid} is already a pool member`);
  if (before !== undefined) {
    if (!call.params.flag('allow-move'))
      throw fail(`VM ${vmid} belongs already to pool '${before.poolid}' and 'allow-move' is not set`);
    demand(call, `/pool/${before.poolid}`, ['Pool.Allocate']);
    before.vms = before.vms.filter((one) => one !== vmid);
  }
  pool.vms.push(vmid);
}

function remove({ world, params }: Call): null {
  const { state } = world;
  return change('delete pool', () => {
    const pool = poolById(state, params.text('poolid'));
    const { poolid } = pool;
    const empty = (what: string): string => `pool '${poolid}' is not empty (contains ${what})`;
    const below = [...state.pools.keys()].filter((id) => id.startsWith(`${poolid}/`)).toSorted()[0];
    if (below !== undefined) throw fail(empty(`pool '${below}'`));
    // What is not there does not keep its pool.
    const vmid = pool.vms.filter((one) => state.guests.has(one)).toSorted((a, b) => a - b)[0];
    if (vmid !== undefined) throw fail(empty(`VM ${vmid}`));
    const storage = pool.storages.find((one) => state.storages.has(one));
    if (storage !== undefined) throw fail(empty(`storage '${storage}'`));
    state.pools.delete(poolid);
    state.acl = state.acl.filter(({ path }) => path !== `/pool/${poolid}`);
    return null;
  });
}

export const poolsRoutes: Routes = {
  'GET /pools': list,
  'POST /pools': create,
  'PUT /pools': update,
  'DELETE /pools': remove,
  'GET /pools/{poolid}': (call) => {
    const poolid = call.params.text('poolid');
    return { poolid, ...details(call, poolById(call.world.state, poolid)) };
  },
  'PUT /pools/{poolid}': update,
  'DELETE /pools/{poolid}': remove,
};
