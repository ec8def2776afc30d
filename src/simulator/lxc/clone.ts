import type { Call, Routes } from '../core/call.ts';
import { fail, PveError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { addToPool, assertFree, demandPool, forgetGuest } from '../qemu/registry.ts';
import { snapshotOf } from '../qemu/snapshot.ts';
import { isTemplate, newGuest } from '../state/guests.ts';
import type { Config, Guest } from '../state/types.ts';
import { isShared } from '../storage/kinds.ts';
import { findVolume, parseVolid, storageById } from '../storage/lookup.ts';
import { destroyVolume, linkedClone } from '../storage/volumes.ts';
import { copyDuration, DURATION } from '../tasks/durations.ts';
import type { Step } from '../tasks/engine.ts';
import {
  completeNet,
  containerOf,
  hasFeature,
  lockStep,
  mountsOf,
  mountText,
  NET,
  newMount,
  UNUSED,
  usesLocalStorage,
} from './parts.ts';

interface Plan {
  readonly source: Guest;
  readonly config: Config;
  readonly full: boolean;
}

function plan(call: Call): Plan {
  const { world, params } = call;
  const newid = params.number('newid');
  const source = containerOf(call);
  const full = params.flag('full', !isTemplate(source));
  const storage = params.maybe('storage');
  const name = params.maybe('snapname');
  const target = params.maybe('target');
  if (!full && storage !== undefined) throw fail("parameter 'storage' not allowed for linked clones");
  if (target !== undefined && world.state.nodes[target] === undefined) throw fail(`no such cluster node '${target}'`);
  world.checkLock(source);
  const config = name === undefined ? source.config : snapshotOf(source, name).config;
  assertFree(world, newid, () => `unable to create CT ${newid}: config file already exists`);
  if (full && source.running !== undefined && name === undefined)
    throw fail('Full clone of a running container is only possible from a snapshot');
  if (!full && !hasFeature(world, config, 'clone'))
    throw fail(`Linked clone feature for '${mountsOf(config)[0]?.volid ?? ''}' is not available`);
  const elsewhere = target !== undefined && target !== call.node;
  if (elsewhere && storage !== undefined && !isShared(storageById(world, storage)))
    throw fail(`can't clone to non-shared storage '${storage}'`);
  if (elsewhere && storage === undefined && usesLocalStorage(world, config))
    throw fail(`can't clone CT to node '${target}' (CT uses local storage)`);
  return { source, config, full };
}

/** The new container exists at once, locked, as with VMs (FACTS 27). */
function clone(call: Call): string {
  const { world, node, params, principal } = call;
  const pool = params.maybe('pool');
  if (pool !== undefined) demandPool(call, pool);
  const chosen = plan(call);
  const [vmid, newid] = [params.number('vmid'), params.number('newid')];
  const fresh = newGuest(newid, node, 'lxc');
  fresh.config = { lock: 'create' };
  world.state.guests.set(newid, fresh);
  world.changed(fresh);
  if (pool !== undefined) addToPool(world, newid, pool);
  const abandon = (): void => forgetGuest(world, fresh);
  return world.startTask({ node, type: 'vzclone', id: vmid, user: principal.name, abandon }, function* (task) {
    const made: string[] = [];
    try {
      yield lockStep(newid);
      yield lockStep(vmid, true);
      const config = yield* copy(world, chosen, fresh, call, made, (line) => task.log(line));
      fresh.config = finish(call, chosen.source, config);
      fresh.node = params.maybe('target') ?? node;
      world.changed(fresh);
    } catch (error) {
      for (const volid of made) destroyVolume(world, node, volid);
      forgetGuest(world, fresh);
      throw error instanceof PveError ? fail(`clone failed: ${error.message}`) : error;
    }
  });
}

function* copy(
  world: World,
  { source, config, full }: Plan,
  fresh: Guest,
  { params }: Call,
  made: string[],
  log: (line: string) => void,
): Generator<Step, Config, void> {
  const out: Config = {};
  for (const [key, value] of Object.entries(config))
    if (!UNUSED.test(key) && !/^(?:template|parent|lock)$/.test(key)) out[key] = value;
  for (const { key, volid, options } of mountsOf(out)) {
    const volume = findVolume(world, source.node, volid);
    if (volume === undefined) {
      if (parseVolid(volid) === undefined) throw fail(`unable to clone mountpoint '${key}' (type bind)`);
      throw fail(`volume '${volid}' does not exist`);
    }
    const storage = params.maybe('storage') ?? volume.storage;
    const copied = full
      ? newMount(world, fresh, storage, volume.size, log, volume.used)
      : linkedClone(world, source.node, volume, storageById(world, volume.storage), fresh.vmid);
    made.push(copied);
    out[key] = mountText(copied, options, volume.size);
    yield { wait: full ? copyDuration(volume.used, params.maybeNumber('bwlimit') ?? 0) : DURATION.linkedClone };
  }
  return out;
}

function finish({ world, params }: Call, source: Guest, config: Config): Config {
  for (const [key, value] of Object.entries(config))
    if (NET.test(key)) config[key] = completeNet(world, String(value), true);
  config.hostname = params.maybe('hostname') ?? `Copy-of-CT-${String(source.config.hostname ?? source.vmid)}`;
  if (params.has('description')) config.description = params.text('description');
  return config;
}

export const cloneRoutes: Routes = { 'POST /nodes/{node}/lxc/{vmid}/clone': clone };
