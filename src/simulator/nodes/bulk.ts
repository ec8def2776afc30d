import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { dispatch } from '../core/dispatch.ts';
import { fail, forbidden, parameterError } from '../core/errors.ts';
import { isManaged } from '../ha/resources.ts';
import { splitList } from '../schema/formats.ts';
import { isTemplate } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import type { TaskContext, Worker } from '../tasks/engine.ts';

const POLL_MS = 500;
const DOWN_TIMEOUT_S = 180;
const NO_ORDER = 1_000_000;

const kindOf = ({ type }: Guest): string => (type === 'qemu' ? 'VM' : 'CT');

/** `order=3,up=30`: place and delays. */
const startup = ({ config }: Guest, key: 'order' | 'up' | 'down'): number | undefined => {
  const text = String(config.startup ?? '');
  const found =
    new RegExp(`(?:^|,)${key}=(\\d+)`).exec(text)?.[1] ?? (key === 'order' ? /^(\d+)/.exec(text)?.[1] : undefined);
  return found === undefined ? undefined : Number(found);
};

const byOrder = (a: Guest, b: Guest): number =>
  (startup(a, 'order') ?? NO_ORDER) - (startup(b, 'order') ?? NO_ORDER) || a.vmid - b.vmid;

interface Action {
  /** Below the guest: `status/start`. */
  readonly what: string;
  readonly verb: string;
  readonly params: (guest: Guest) => Record<string, string | number>;
}

/** One guest after the other, each by its own task; what fails does not keep the others. */
function* each(call: Call, guests: readonly Guest[], { what, verb, params }: Action, task: TaskContext): Worker {
  const { world, principal } = call;
  for (const guest of guests) {
    const { node, type, vmid } = guest;
    task.log(`${verb} ${kindOf(guest)} ${vmid}`);
    const path = `/nodes/${node}/${type}/${vmid}/${what}`;
    const { status, reason, body } = dispatch(
      world,
      { method: 'POST', path, params: params(guest), principal: principal.name },
      principal,
    );
    const upid = (body as { data?: unknown } | null)?.data;
    if (status !== 200 || typeof upid !== 'string') {
      task.log(`${verb} ${kindOf(guest)} ${vmid} failed: ${reason}`);
      continue;
    }
    while (world.tasks.isRunning(upid)) yield { wait: POLL_MS };
    const words = world.tasks.find(upid)?.exitstatus ?? 'OK';
    if (words !== 'OK') task.log(`${verb} ${kindOf(guest)} ${vmid} failed: ${words}`);
    const delay = what === 'status/start' ? (startup(guest, 'up') ?? 0) : 0;
    if (delay > 0) yield { wait: delay * 1000 };
  }
}

/** Guests of this node that the call is about; with rights on single guests only these may be named. */
function chosen(call: Call, fits: (guest: Guest) => boolean, privilege = 'VM.PowerMgmt'): Guest[] {
  const { world, node, params } = call;
  const named = params.has('vms') ? splitList(params.text('vms')).map(Number) : undefined;
  if (!may(call, '/', [privilege])) {
    const denied = named?.find((vmid) => !may(call, `/vms/${vmid}`, [privilege]));
    if (named === undefined) throw forbidden(`/, ${privilege}`);
    if (denied !== undefined) throw forbidden(`/vms/${denied}, ${privilege}`);
  }
  return [...world.state.guests.values()]
    .filter((guest) => guest.node === node && (named === undefined || named.includes(guest.vmid)) && fits(guest))
    .toSorted(byOrder);
}

const sidOf = (guest: Guest): string => `${guest.type === 'qemu' ? 'vm' : 'ct'}:${guest.vmid}`;

const all = (call: Call, type: string, guests: () => Guest[], action: Action): string =>
  call.world.startTask({ node: call.node, type, id: '', user: call.principal.name }, (task) =>
    each(call, guests(), action, task),
  );

const START: Action = { what: 'status/start', verb: 'Starting', params: () => ({}) };

function startAll(call: Call): string {
  const { world, params } = call;
  const forced = params.flag('force') || params.has('vms');
  const fits = (guest: Guest): boolean =>
    guest.running === undefined &&
    !isTemplate(guest) &&
    !isManaged(world, sidOf(guest)) &&
    (forced || Number(guest.config.onboot ?? 0) === 1);
  chosen(call, fits);
  return all(call, 'startall', () => chosen(call, fits), START);
}

const stopWith = (force: boolean, timeout: number | undefined): Action => ({
  what: 'status/shutdown',
  verb: 'Stopping',
  params: (guest) => ({ forceStop: force ? 1 : 0, timeout: timeout ?? startup(guest, 'down') ?? DOWN_TIMEOUT_S }),
});

const isOn = (guest: Guest): boolean => guest.running !== undefined;

function stopAll(call: Call): string {
  const { params } = call;
  chosen(call, isOn);
  const action = stopWith(params.flag('force-stop', true), params.maybeNumber('timeout'));
  return all(call, 'stopall', () => chosen(call, isOn).toReversed(), action);
}

const suspendable = (guest: Guest): boolean => isOn(guest) && guest.type === 'qemu';
const SUSPEND: Action = { what: 'status/suspend', verb: 'Suspending', params: () => ({ todisk: 1 }) };

function suspendAll(call: Call): string {
  chosen(call, suspendable);
  return all(call, 'suspendall', () => chosen(call, suspendable).toReversed(), SUSPEND);
}

const migration = (target: string, local: boolean): Action => ({
  what: 'migrate',
  verb: 'Migrating',
  params: (guest) => ({
    target,
    ...(guest.running === undefined ? {} : guest.type === 'qemu' ? { online: 1 } : { restart: 1 }),
    ...(local && guest.type === 'qemu' ? { 'with-local-disks': 1 } : {}),
  }),
});

function migrateAll(call: Call): string {
  const { world, node, params } = call;
  const guests = (): Guest[] => chosen(call, () => true, 'VM.Migrate');
  guests();
  const target = params.text('target');
  if (target === node) throw parameterError({ target: 'target is local node.' });
  if (world.state.nodes[target] === undefined) throw fail(`no such cluster node '${target}'`);
  const workers = params.maybe('max-workers') ?? params.maybe('maxworkers') ?? world.state.options.max_workers;
  if (workers === undefined) throw fail("either 'max-workers' parameter or max_workers in datacenter.cfg must be set!");
  const action = migration(target, params.flag('with-local-disks'));
  return all(call, 'migrateall', guests, action);
}

/** The same for guests of the whole cluster. */
const bulk = (type: string, fits: (guest: Guest) => boolean, actionOf: (call: Call) => Action) => (call: Call) => {
  const { world, params } = call;
  const named = params.has('vms') ? splitList([params.raw('vms')].flat().join(',')).map(Number) : undefined;
  const guests = (): Guest[] =>
    [...world.state.guests.values()]
      .filter((guest) => named === undefined || named.includes(guest.vmid))
      .filter((guest) => may(call, `/vms/${guest.vmid}`, [type === 'bulk-migrate' ? 'VM.Migrate' : 'VM.PowerMgmt']))
      .filter((guest) => !isTemplate(guest) && fits(guest))
      .toSorted(byOrder);
  return all(call, type, guests, actionOf(call));
};

export const bulkRoutes: Routes = {
  'POST /nodes/{node}/startall': startAll,
  'POST /nodes/{node}/stopall': stopAll,
  'POST /nodes/{node}/suspendall': suspendAll,
  'POST /nodes/{node}/migrateall': migrateAll,
  'POST /cluster/bulk-action/guest/start': bulk(
    'bulk-start',
    (guest) => !isOn(guest),
    () => START,
  ),
  'POST /cluster/bulk-action/guest/shutdown': bulk('bulk-shutdown', isOn, ({ params }) =>
    stopWith(params.flag('force-stop', true), params.maybeNumber('timeout')),
  ),
  'POST /cluster/bulk-action/guest/suspend': bulk('bulk-suspend', suspendable, ({ params }) =>
    params.flag('to-disk') ? SUSPEND : { ...SUSPEND, params: () => ({}) },
  ),
  'POST /cluster/bulk-action/guest/migrate': bulk(
    'bulk-migrate',
    () => true,
    ({ params }) => migration(params.text('target'), params.flag('with-local-disks')),
  ),
};
