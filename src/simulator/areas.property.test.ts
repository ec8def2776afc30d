import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefixes, privilegesAt } from './access/permissions.ts';
import type { Principal } from './core/call.ts';
import { volumesOfConfig } from './lxc/parts.ts';
import { volumeIds } from './qemu/drives.ts';
import { configText } from './state/guests.ts';
import type { Volume } from './state/types.ts';
import { isShared } from './storage/kinds.ts';
import { addVolume } from './storage/lookup.ts';
import type { Simulator } from './simulator.ts';
import { call, data, runTask, simulate } from './testing.ts';

/** `{guest}` stands for the path of the guest `id`, `{node}` for its node; a parameter `@backup` for its newest one. */
interface Step {
  readonly line: string;
  readonly id: number;
  readonly params: Record<string, string | number>;
}

const CALLERS = ['root@pam', 'ops@pve', 'ops@pve!own', 'auditor@pve'] as const;
const TEMPLATE = 'local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst';
const IDS = [400, 401, 402];

const storage = fc.constantFrom('local-lvm', 'nas', 'extra');
const newId = fc.constantFrom(...IDS);
const snapname = fc.constantFrom('one', 'constructor');
const role = fc.constantFrom('PVEVMUser', 'PVEVMAdmin', 'PVETemplateUser', 'Administrator', 'NoAccess');
const path = fc.constantFrom('/vms/400', '/vms/401', '/vms', '/', '/storage/nas', '/pool/p');
const who = fc.constantFrom(
  { users: 'ops@pve' },
  { users: 'auditor@pve' },
  { groups: 'operators' },
  { tokens: 'ops@pve!own' },
);

type Made = readonly [line: string, params: Record<string, string | number>];
const step = (make: fc.Arbitrary<Made>): fc.Arbitrary<Step> =>
  fc.tuple(newId, make).map(([id, [line, params]]) => ({ id, line, params }));
const fixed = (line: string, params: Record<string, string | number> = {}): fc.Arbitrary<Made> =>
  fc.constant([line, params] as const);

const guests = [
  fc.tuple(storage, newId).map(([on, vmid]): Made => ['POST {node}/qemu', { vmid, memory: 256, scsi0: `${on}:1` }]),
  fc.tuple(storage, newId).map(([on, vmid]): Made => ['POST {node}/lxc', { vmid, ostemplate: TEMPLATE, storage: on }]),
  fc
    .tuple(fc.constantFrom(9000, 9002), newId, fc.constantFrom(0, 1))
    .map(([from, newid, full]): Made => [`POST /nodes/pve4/qemu/${from}/clone`, { newid, full }]),
  newId.map((newid): Made => ['POST {guest}/clone', { newid }]),
  fc.tuple(newId, storage).map(([newid, on]): Made => ['POST {guest}/clone', { newid, full: 1, storage: on }]),
  storage.map((on): Made => ['PUT {guest}/config', { scsi1: `${on}:1` }]),
  storage.map((on): Made => ['PUT {guest}/config', { mp0: `${on}:1,mp=/data` }]),
  fc.constantFrom('scsi1', 'mp0', 'unused0', 'description').map((key): Made => ['PUT {guest}/config', { delete: key }]),
  fc.constantFrom('a', 'b').map((description): Made => ['PUT {guest}/config', { description }]),
  fc.constantFrom('start', 'stop', 'shutdown').map((action): Made => [`POST {guest}/status/${action}`, {}]),
  snapname.map((name): Made => ['POST {guest}/snapshot', { snapname: name }]),
  snapname.map((name): Made => [`DELETE {guest}/snapshot/${name}`, {}]),
  snapname.map((name): Made => [`POST {guest}/snapshot/${name}/rollback`, {}]),
  storage.map((on): Made => ['POST {guest}/move_disk', { disk: 'scsi0', storage: on, delete: 1 }]),
  storage.map((on): Made => ['POST {guest}/move_volume', { volume: 'rootfs', storage: on }]),
  newId.map((other): Made => [
    'POST {guest}/move_disk',
    { disk: 'scsi1', 'target-vmid': other, 'target-disk': 'scsi3' },
  ]),
  newId.map((other): Made => [
    'POST {guest}/move_volume',
    { volume: 'mp0', 'target-vmid': other, 'target-volume': 'mp1' },
  ]),
  fc.constantFrom('scsi0', 'rootfs').map((disk): Made => ['PUT {guest}/resize', { disk, size: '+1G' }]),
  fixed('POST {guest}/migrate', { target: 'pve5', 'with-local-disks': 1 }),
  fixed('POST {guest}/migrate', { target: 'pve4', online: 1, 'with-local-disks': 1 }),
  fixed('POST {guest}/template'),
  fixed('DELETE {guest}'),
  fixed('DELETE {guest}', { purge: 1, 'destroy-unreferenced-disks': 1 }),
];

const storages = [
  fixed('POST {node}/vzdump', { vmid: '@id', storage: 'nas', mode: 'snapshot', compress: 'zstd' }),
  fixed('POST {node}/vzdump', { vmid: '@id', storage: 'nas', mode: 'stop', 'prune-backups': 'keep-last=1' }),
  fc.tuple(newId, storage).map(([vmid, on]): Made => ['POST {node}/qemu', { vmid, archive: '@backup', storage: on }]),
  newId.map((vmid): Made => ['POST {node}/qemu', { vmid, archive: '@backup', force: 1, unique: 1 }]),
  newId.map((vmid): Made => ['POST {node}/lxc', { vmid, ostemplate: '@backup', restore: 1, force: 1, storage: 'nas' }]),
  fixed('DELETE {node}/storage/nas/content/@backup'),
  fixed('PUT {node}/storage/nas/content/@backup', { protected: 1 }),
  fixed('POST {node}/storage/local-lvm/content', { vmid: '@id', filename: 'vm-@id-own', size: '1G' }),
  fixed('PUT /storage/nas', { 'prune-backups': 'keep-last=2' }),
  fixed('PUT /storage/nas', { delete: 'prune-backups' }),
  fixed('PUT /storage/extra', { content: 'images,rootdir,backup' }),
  fixed('PUT /storage/extra', { content: 'images' }),
];

const access = [
  fixed('POST /pools', { poolid: 'p' }),
  fixed('PUT /pools', { poolid: 'p', vms: '@id', 'allow-move': 1 }),
  fixed('PUT /pools', { poolid: 'services', vms: '@id', 'allow-move': 1 }),
  fixed('PUT /pools', { poolid: 'p', vms: '@id', delete: 1 }),
  fixed('DELETE /pools', { poolid: 'p' }),
  fc
    .tuple(path, role, who, fc.constantFrom(0, 1), fc.constantFrom(0, 1))
    .map(([at, roles, ugid, propagate, remove]): Made => [
      'PUT /access/acl',
      { path: at, roles, ...ugid, propagate, delete: remove },
    ]),
  fc
    .tuple(fc.constantFrom('ops@pve', 'auditor@pve'), fc.constantFrom(0, 1))
    .map(([user, privsep]): Made => [`POST /access/users/${user}/token/fresh`, { privsep }]),
  fixed('PUT /access/users/ops@pve/token/own', { privsep: 0 }),
  fixed('DELETE /access/users/ops@pve/token/fresh'),
  fixed('PUT /access/users/auditor@pve', { groups: 'operators' }),
  fixed('POST /access/users', { userid: 'new@pve', groups: 'operators' }),
  fixed('PUT /access/roles/PVEVMUser', { privs: 'VM.Allocate' }),
  fixed('POST /access/roles', { roleid: 'mine', privs: 'VM.Allocate Permissions.Modify' }),
];

const anyStep = step(
  fc.oneof(
    { arbitrary: fc.oneof(...guests), weight: 5 },
    { arbitrary: fc.oneof(...storages), weight: 2 },
    { arbitrary: fc.oneof(...access), weight: 2 },
  ),
);
const steps = fc.array(
  fc.tuple(
    anyStep,
    fc.constantFrom<(typeof CALLERS)[number]>(...CALLERS, 'root@pam', 'root@pam'),
    fc.constantFrom(0, 1_000, 60_000, 600_000),
  ),
  { minLength: 5, maxLength: 30 },
);

function prepared(seed: string): Simulator {
  const sim = simulate('enterprise', seed);
  const { world } = sim;
  data(sim, 'POST /storage', { storage: 'extra', type: 'dir', path: '/srv/extra', content: 'images,rootdir,backup' });
  const file = { size: 100_000_000, used: 100_000_000, format: 'tzst', content: 'vztmpl', ctime: 0 };
  for (const node of ['pve4', 'pve5'])
    addVolume(world, { ...file, storage: 'local', node, name: TEMPLATE.slice('local:'.length) });
  data(sim, 'POST /access/users/ops@pve/token/own', { privsep: 1 });
  runTask(sim, 'POST /nodes/pve4/qemu/9000/clone', { newid: 400 });
  runTask(sim, 'POST /nodes/pve4/qemu/400/snapshot', { snapname: 'one' });
  runTask(sim, 'POST /nodes/pve4/lxc', { vmid: 401, ostemplate: TEMPLATE, storage: 'local-lvm' });
  runTask(sim, 'POST /nodes/pve4/lxc/401/snapshot', { snapname: 'constructor' });
  runTask(sim, 'POST /nodes/pve4/vzdump', { vmid: '400,401', storage: 'nas' });
  return sim;
}

/** The newest one for this kind of guest. */
const newestBackup = (sim: Simulator, type: string): string =>
  [...sim.world.state.volumes.values()].findLast(({ name }) => name.startsWith(`backup/vzdump-${type}-`))?.name ??
  'backup/none';

/** The call that a step means in this cluster. */
function resolved(sim: Simulator, { line, id, params }: Step): Step {
  const guest = sim.world.state.guests.get(id);
  const node = `/nodes/${guest?.node ?? 'pve4'}`;
  const fill = (text: string): string =>
    text
      .replaceAll('{guest}', `${node}/${guest?.type ?? 'qemu'}/${id}`)
      .replaceAll('{node}', node)
      .replaceAll('@backup', `nas:${newestBackup(sim, line.endsWith('/lxc') ? 'lxc' : 'qemu')}`)
      .replaceAll('@id', String(id));
  const entries = Object.entries(params).map(([key, value]) => [key, typeof value === 'string' ? fill(value) : value]);
  return { id, line: fill(line), params: Object.fromEntries(entries) as Step['params'] };
}

const principals = (sim: Simulator): Principal[] => [
  ...[...sim.world.state.users.keys()].map((user) => ({ user, name: user, root: user === 'root@pam' })),
  ...[...sim.world.state.tokens.values()].map(({ userid, tokenid }) => ({
    user: userid,
    token: tokenid,
    name: `${userid}!${tokenid}`,
    root: false,
  })),
];

/** Who may do what where, as lines. */
function rights(sim: Simulator): Map<string, Set<string>> {
  const paths = ['/access', '/nodes/pve4', '/pool/p', '/pool/services', '/storage/nas', '/sdn'];
  const all = new Set([...paths, ...IDS.map((id) => `/vms/${id}`)].flatMap(prefixes));
  return new Map(
    principals(sim).map((one) => [
      one.name,
      new Set(
        [...all].flatMap((at) => [...privilegesAt(sim.world.state, one, at).keys()].map((priv) => `${at} ${priv}`)),
      ),
    ]),
  );
}

/**
 * What nobody but a holder of Permissions.Modify may do: give somebody more than those who acted have. The entries of a
 * guest go with it, so what is said of one that is gone says nothing.
 */
function checkRights(sim: Simulator, before: Map<string, Set<string>>, actors: readonly string[]): void {
  const own = new Set(actors.flatMap((actor) => [...(before.get(actor) ?? [])]));
  if ([...own].some((line) => line.endsWith(' Permissions.Modify'))) return;
  const gone = IDS.filter((id) => !sim.world.state.guests.has(id)).map((id) => `/vms/${id} `);
  for (const [name, held] of rights(sim)) {
    const old = before.get(name) ?? new Set();
    const more = [...held].filter((line) => !old.has(line) && !(own.has(line) && !actors.includes(name)));
    const widened = more.filter((line) => !gone.some((start) => line.startsWith(start)));
    expect(widened, `${name} after a call of ${actors.join()}`).toEqual([]);
  }
}

const volumesNamed = (sim: Simulator): string[] =>
  [...sim.world.state.guests.values()].flatMap(({ type, config }) =>
    type === 'qemu' ? volumeIds(config) : volumesOfConfig(config),
  );

function checkVolumes(sim: Simulator): void {
  const known = new Set([...sim.world.state.volumes.values()].map(({ storage: on, name }) => `${on}:${name}`));
  const named = volumesNamed(sim).filter((volid) => !volid.includes('iso/'));
  expect(named.filter((volid, at) => named.indexOf(volid) !== at)).toEqual([]);
  expect(named.filter((volid) => !known.has(volid))).toEqual([]);
}

/** Storage and node to what is used of it. */
function used(sim: Simulator): Map<string, number> {
  const out = new Map<string, number>();
  for (const node of ['pve1', 'pve4', 'pve5'])
    for (const row of data<{ storage: string; used: number; total: number; avail: number }[]>(
      sim,
      `GET /nodes/${node}/storage`,
    )) {
      if (row.total > 0) expect(row.used).toBeLessThanOrEqual(row.total);
      out.set(`${node} ${row.storage}`, row.used);
    }
  return out;
}

/** The same from the volumes alone. */
function summed(sim: Simulator, key: string): number {
  const [node, id = ''] = key.split(' ');
  const on = sim.world.state.storages.get(id);
  const here = ({ storage: of, node: its, base }: Volume): boolean =>
    of === id && base === undefined && (on === undefined || isShared(on) || its === node);
  return [...sim.world.state.volumes.values()].filter(here).reduce((sum, volume) => sum + volume.used, 0);
}

const guestTexts = (sim: Simulator): Map<string, [text: string, digest: string]> =>
  new Map([
    ...[...sim.world.state.guests.values()].map(
      (guest) => [`guest ${guest.vmid}`, [configText(guest), sim.world.digestOf(guest)]] as [string, [string, string]],
    ),
    [
      'storage.cfg',
      [
        JSON.stringify(
          [...sim.world.state.storages.values()].map(({ type, storage: id, options }) => [type, id, options]),
        ),
        data<{ digest: string }>(sim, 'GET /storage/nas').digest,
      ],
    ],
  ]);

/** Runs everything; answers what the calls answered. */
function play(
  sim: Simulator,
  calls: readonly [Step, string, number][],
  each: (actors: readonly string[]) => void,
): unknown[] {
  const answers: unknown[] = [];
  for (const [raw, caller, wait] of calls) {
    const { line, params } = resolved(sim, raw);
    const actors = [caller, ...sim.world.tasks.running.map(({ user }) => user)];
    const { status, body } = call(sim, line, params, caller);
    expect([200, 400, 403, 500, 501], `${line} ${JSON.stringify(body)}`).toContain(status);
    expect(JSON.stringify(body)).not.toContain('internal error');
    answers.push(status, body);
    sim.advance(wait);
    each(actors);
  }
  sim.settle();
  return answers;
}

describe('calls of all kinds by anybody', () => {
  it('end their tasks, release their locks, and keep volumes, space, digests and rights in order', () => {
    fc.assert(
      fc.property(steps, fc.string(), (calls, seed) => {
        const sim = prepared(seed);
        const [space, sums] = [used(sim), new Map([...used(sim).keys()].map((key) => [key, summed(sim, key)]))];
        let [texts, held] = [guestTexts(sim), rights(sim)];
        play(sim, calls, (actors) => {
          const newTexts = guestTexts(sim);
          for (const [key, [text, digest]] of newTexts) {
            const [oldText, oldDigest] = texts.get(key) ?? [];
            if (oldText !== undefined) expect(oldText === text, key).toBe(oldDigest === digest);
          }
          checkRights(sim, held, actors);
          [texts, held] = [newTexts, rights(sim)];
        });
        const { state, tasks } = sim.world;
        expect(tasks.running).toEqual([]);
        expect(
          state.tasks.filter(({ exitstatus, endtime }) => exitstatus === undefined || endtime === undefined),
        ).toEqual([]);
        expect(IDS.filter((id) => tasks.locks.isHeld(`lock-${id}`))).toEqual([]);
        for (const guest of state.guests.values()) expect(guest.config.lock, JSON.stringify(guest)).toBeUndefined();
        checkVolumes(sim);
        for (const [key, bytes] of used(sim))
          expect(bytes - (space.get(key) ?? 0), key).toBe(summed(sim, key) - (sums.get(key) ?? 0));
      }),
      { numRuns: 150 },
    );
  });

  it('have the same history with the same seed', () => {
    fc.assert(
      fc.property(steps, fc.string(), (calls, seed) => {
        const [one, two] = [prepared(seed), prepared(seed)];
        expect(play(one, calls, () => {})).toEqual(play(two, calls, () => {}));
        expect(one.save()).toBe(two.save());
      }),
      { numRuns: 50 },
    );
  });
});
