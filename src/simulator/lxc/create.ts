import { may } from '../access/check.ts';
import { archiveVolume, contentsOf } from '../backup/archive.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, forbidden, PveError } from '../core/errors.ts';
import { addToPool, assertFree, demandPool, forgetGuest } from '../qemu/registry.ts';
import { normalizeTags } from '../qemu/privileges.ts';
import { newGuest } from '../state/guests.ts';
import type { Config, Guest } from '../state/types.ts';
import { findVolume, parseVolid, written } from '../storage/lookup.ts';
import { parseSize } from '../qemu/size.ts';
import { destroyVolume } from '../storage/volumes.ts';
import { copyDuration } from '../tasks/durations.ts';
import type { Step, TaskContext } from '../tasks/engine.ts';
import {
  completeNet,
  defaultRoot,
  lockStep,
  makeMount,
  MOUNT,
  mountsOf,
  mountText,
  NET,
  newMount,
  parseMount,
  UNUSED,
  volumesOfConfig,
} from './parts.ts';
import { startContainer } from './power.ts';

const META =
  'node vmid ostemplate restore force start pool storage password ssh-public-keys bwlimit unique ha-managed ignore-unpack-errors'.split(
    ' ',
  );

function valuesOf({ world, params }: Call): Config {
  const out: Config = {};
  for (const [key, value] of params.without(...META)) {
    if (typeof value === 'object') continue;
    out[key] = NET.test(key) ? completeNet(world, String(value)) : value;
  }
  if (out.tags !== undefined) out.tags = normalizeTags(String(out.tags), false);
  return out;
}

function create(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const pool = params.maybe('pool');
  const restoring = params.flag('restore');
  if (pool !== undefined) demandPool(call, pool);
  const allowed =
    may(call, `/vms/${vmid}`, ['VM.Allocate']) || (pool !== undefined && may(call, `/pool/${pool}`, ['VM.Allocate']));
  if (!allowed) throw forbidden();
  const values = valuesOf(call);
  if (!restoring && values.rootfs === undefined && Object.keys(values).some((key) => MOUNT.test(key)))
    throw fail("mount points configured, but 'rootfs' not set - aborting");
  const words = restoring ? 'restore' : 'create';
  const before = world.state.guests.get(vmid);
  const overwrite = restoring && params.flag('force') && before?.type === 'lxc' && before.node === node;
  if (overwrite && before.running !== undefined) throw fail("can't overwrite running container");
  if (!overwrite)
    assertFree(world, vmid, (where) => `unable to ${words} CT ${vmid} - CT ${vmid} already exists on node '${where}'`);
  const guest = overwrite ? before : newGuest(vmid, node, 'lxc');
  const old = overwrite
    ? [guest, ...Object.values(guest.snapshots)].flatMap(({ config }) => volumesOfConfig(config))
    : [];
  guest.config = { ...guest.config, lock: 'create' };
  world.state.guests.set(vmid, guest);
  world.changed(guest);
  if (pool !== undefined) addToPool(world, vmid, pool);
  const abandon = (): void => forgetGuest(world, guest);
  const type = restoring ? 'vzrestore' : 'vzcreate';
  return world.startTask({ node, type, id: vmid, user: principal.name, abandon }, function* (task) {
    yield lockStep(vmid);
    const made: string[] = [];
    try {
      for (const volid of old) destroyVolume(world, node, volid);
      // The container that was there goes with its snapshots.
      guest.snapshots = {};
      yield* fill(call, guest, values, made, task);
    } catch (error) {
      for (const volid of made) destroyVolume(world, node, volid);
      forgetGuest(world, guest);
      throw error instanceof PveError ? fail(`unable to ${words} CT ${vmid} - ${error.message}`) : error;
    }
    if (!params.flag('start')) return;
    yield { unlock: `lock-${vmid}` };
    yield* startContainer(call, vmid);
  });
}

function* fill(
  call: Call,
  guest: Guest,
  values: Config,
  made: string[],
  task: TaskContext,
): Generator<Step, void, void> {
  const { world, node, params } = call;
  const log = (line: string): void => task.log(line);
  const template = params.text('ostemplate');
  const config: Config = params.flag('restore') ? restored(call, guest, made, log) : { ...values };
  if (!params.flag('restore')) {
    const source = findVolume(world, node, template);
    if (source === undefined && !world.state.partial) throw fail(`volume '${template}' does not exist`);
    config.rootfs ??= defaultRoot(params.maybe('storage') ?? 'local');
    for (const mount of mountsOf(config)) {
      config[mount.key] = makeMount(world, guest, mount, log);
      made.push(parseMount(mount.key, config[mount.key]).volid);
    }
    task.log(`extracting archive '${template}'`);
    const root = findVolume(world, node, parseMount('rootfs', config.rootfs).volid);
    if (root !== undefined) written(world, root, 3 * (source?.size ?? 100 * 1024 ** 2));
    yield { wait: copyDuration(source?.size ?? 100 * 1024 ** 2) };
  } else {
    yield { wait: 2_000 };
    Object.assign(config, values);
  }
  guest.config = {
    arch: 'amd64',
    hostname: `CT${guest.vmid}`,
    memory: 512,
    ostype: ostypeOf(template),
    swap: 512,
    ...config,
  };
  world.changed(guest);
}

/** The distribution, by the name of its template. */
const ostypeOf = (template: string): string =>
  /(debian|ubuntu|alpine|centos|fedora|opensuse|archlinux|gentoo|devuan|nixos)/.exec(template)?.[1] ?? 'unmanaged';

function restored({ world, node, params }: Call, guest: Guest, made: string[], log: (line: string) => void): Config {
  const archive = contentsOf(world, archiveVolume(world, node, params.text('ostemplate')));
  const config: Config = Object.fromEntries(Object.entries(archive.config).filter(([key]) => !UNUSED.test(key)));
  for (const [key, { storage, size, used }] of Object.entries(archive.disks)) {
    const volid = newMount(world, guest, params.maybe('storage') ?? storage, size, log, used);
    made.push(volid);
    config[key] = mountText(volid, parseMount(key, config[key]).options, size);
  }
  // What was left out of the backup comes back empty, as a volume of its own.
  for (const { key, volid, options } of mountsOf(config)) {
    const parsed = parseVolid(volid);
    if (archive.disks[key] !== undefined || parsed === undefined) continue;
    const size = parseSize(/(?:^|,)size=([^,]+)/.exec(options)?.[1]) ?? 0;
    const fresh = newMount(world, guest, params.maybe('storage') ?? parsed.storage, size, log);
    made.push(fresh);
    config[key] = mountText(fresh, options, size);
  }
  if (params.flag('unique'))
    for (const key of Object.keys(config))
      if (NET.test(key)) config[key] = completeNet(world, String(config[key]), true);
  return config;
}

export const createRoutes: Routes = { 'POST /nodes/{node}/lxc': create };
