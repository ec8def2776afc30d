import { may } from '../access/check.ts';
import { change } from '../access/users.ts';
import { clusterRows } from '../cluster/resources.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { Pool, State } from '../state/types.ts';

function poolById(state: State, poolid: string): Pool {
  const pool = state.pools.get(poolid);
  if (pool === undefined) throw fail(`pool '${poolid}' does not exist`);
  return pool;
}

/** Members as the resource list shows them, without their tags and pool. */
function members(call: Call, pool: Pool): unknown[] {
  const type = call.params.maybe('type');
  const node = [call.node];
  return clusterRows(call, { all: true })
    .filter((row) =>
      row.vmid === undefined
        ? row.type === 'storage' && node.includes(String(row.node)) && pool.storages.includes(String(row.storage))
        : pool.vms.includes(Number(row.vmid)),
    )
    .filter((row) => type === undefined || row.type === type)
    .map(({ tags: _tags, pool: _pool, lock: _lock, ...row }) => row);
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

function create({ world, params }: Call): null {
  return change('create pool', () => {
    const poolid = params.text('poolid');
    if (world.state.pools.has(poolid)) throw fail(`pool '${poolid}' already exists`);
    const comment = params.maybe('comment');
    world.state.pools.set(poolid, { poolid, vms: [], storages: [], ...(comment === undefined ? {} : { comment }) });
    return null;
  });
}

function update({ world, params }: Call): null {
  const { state } = world;
  return change('update pools', () => {
    const pool = poolById(state, params.text('poolid'));
    const remove = params.flag('delete');
    if (params.has('comment')) pool.comment = params.text('comment');
    for (const vmid of splitList(params.maybe('vms') ?? '').map(Number)) {
      if (remove) pool.vms = pool.vms.filter((one) => one !== vmid);
      else join(state, pool, vmid, params.flag('allow-move'));
    }
    for (const storage of splitList(params.maybe('storage') ?? '')) {
      if (remove) pool.storages = pool.storages.filter((one) => one !== storage);
      else if (pool.storages.includes(storage)) throw fail(`Storage '${storage}' is already a pool member`);
      else pool.storages.push(storage);
    }
    return null;
  });
}

/** An id without a guest may join as well (FACTS 40). */
function join(state: State, pool: Pool, vmid: number, allowMove: boolean): void {
  const before = [...state.pools.values()].find(({ vms }) => vms.includes(vmid));
  if (before === pool) throw fail(`VM ${vmid} is already a pool member`);
  if (before !== undefined && !allowMove)
    throw fail(`VM ${vmid} belongs already to pool '${before.poolid}' and 'allow-move' is not set`);
  if (before !== undefined) before.vms = before.vms.filter((one) => one !== vmid);
  pool.vms.push(vmid);
}

function remove({ world, params }: Call): null {
  return change('delete pool', () => {
    const pool = poolById(world.state, params.text('poolid'));
    // What is not there does not keep its pool.
    const vmid = pool.vms.filter((one) => world.state.guests.has(one)).toSorted((a, b) => a - b)[0];
    if (vmid !== undefined) throw fail(`pool '${pool.poolid}' is not empty (contains VM ${vmid})`);
    const storage = pool.storages.find((one) => world.state.storages.has(one));
    if (storage !== undefined) throw fail(`pool '${pool.poolid}' is not empty (contains storage '${storage}')`);
    world.state.pools.delete(pool.poolid);
    world.state.acl = world.state.acl.filter(({ path }) => path !== `/pool/${pool.poolid}`);
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
