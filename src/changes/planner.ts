import type { ActionInput, Permission } from '../actions/index.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import {
  buildTwin,
  guestKeys,
  locate,
  NotRead,
  readInto,
  readInventory,
  readPermissions,
  type Capture,
  type Environment,
  type Held,
  type Inventory,
} from '../estate/index.ts';
import { guestIdentity, rehearse, type PreparedRequest, type Rehearsal, type StepForms } from '../operations/index.ts';
import { list, record, text } from '../proxmox/index.ts';
import type { PinnedTarget } from './plan.ts';
import type { ChangeRequest, RequestItem } from './requests.ts';

export interface PlannerDeps {
  readonly clock: Clock;
  readonly forms: StepForms;
}

export interface Draft {
  readonly requests: readonly PreparedRequest[];
  readonly rehearsal: Rehearsal;
  readonly targets: readonly PinnedTarget[];
  readonly permissions: readonly Held[];
  readonly inventory: Inventory;
  readonly capture: Capture;
}

type Preflight = Rehearsal['preflight'][number];

/** A rehearsal that asks for more and more of the lab is not converging; a plan for one guest takes two or three rounds. */
const MAX_ROUNDS = 12;
/** Locks that come and go by themselves (FACTS 24): the apply waits for them, so the rehearsal looks past them. */
const PASSING_LOCKS = new Set([
  'backup',
  'snapshot',
  'snapshot-delete',
  'clone',
  'migrate',
  'rollback',
  'create',
  'suspending',
]);

/**
 * Prepares requests and rehearses them on a twin of the environment as it is now. `reserve` gives each request that
 * makes a guest its VMID. Changes nothing.
 */
export async function draft(
  request: ChangeRequest,
  environment: Environment,
  reserve: (item: RequestItem, inventory: Inventory) => Promise<number>,
  deps: PlannerDeps,
): Promise<Draft> {
  const inventory = await readInventory(environment.api);
  const requests: PreparedRequest[] = [];
  for (const item of request.items) requests.push(await prepare(item, inventory, environment.name, reserve));
  const capture: Capture = { 'GET /cluster/resources': inventory.raw };
  const [{ rehearsal, passing }, permissions] = await Promise.all([
    rehearseLive(requests, environment, capture, deps),
    readPermissions(environment.api, permissionsOf(requests)),
  ]);
  const locks = await Promise.all(passing.map((check) => diagnose(check, requests, environment)));
  return {
    requests,
    rehearsal: {
      ...rehearsal,
      preflight: [...rehearsal.preflight, ...locks, ...notRehearsed(capture), ...missingRights(permissions)],
    },
    targets: uniqueTargets(requests).map((one) => pin(one.input, environment.name, inventory, capture)),
    permissions,
    inventory,
    capture,
  };
}

async function prepare(
  item: RequestItem,
  inventory: Inventory,
  environment: string,
  reserve: (item: RequestItem, inventory: Inventory) => Promise<number>,
): Promise<PreparedRequest> {
  const target = locate(item.target, inventory, environment);
  const newid = item.action.newGuest === undefined ? 0 : await reserve(item, inventory);
  return { id: item.id, action: item.action, input: { target, params: item.params, newid }, after: item.after };
}

/** Rehearses, reads what the twin came to and had not, and begins again: the fewest reads that this plan needs. */
export async function rehearseLive(
  requests: readonly PreparedRequest[],
  environment: Environment,
  capture: Capture,
  { clock, forms }: PlannerDeps,
) {
  const guests = requests
    .filter(({ input }) => input.target.kind === 'vm')
    .flatMap(({ input }) => guestKeys(input.target));
  // The storages' definitions tell whose volumes a guest's disks are; nearly every plan needs them.
  const first = guests.length === 0 ? [] : ['GET /storage', ...new Set(guests)];
  await readInto(capture, first, environment.api);
  const passing: Preflight[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const seed = withoutPassingLocks(capture, requests, passing);
    try {
      const twin = buildTwin(seed, { principal: environment.api.principal, now: clock.now() });
      return { rehearsal: await rehearse(requests, twin, forms), passing };
    } catch (error) {
      if (!(error instanceof NotRead)) throw error;
      await readInto(capture, error.missing, environment.api);
    }
  }
  throw new AgentError('PREFLIGHT_FAILED', 'The rehearsal came to ever more of the lab that had not been read.');
}

/** The seed as it is when the locks have gone: PVE tells of a lock in four places. */
function withoutPassingLocks(capture: Capture, requests: readonly PreparedRequest[], found: Preflight[]): Capture {
  const out = { ...capture };
  found.length = 0;
  for (const { id, input } of requests) {
    const { node, vmid, text: target } = input.target;
    const at = `GET /nodes/${node}/qemu/${vmid}`;
    const { lock } = record(out[`${at}/config`]);
    if (typeof lock !== 'string' || !PASSING_LOCKS.has(lock)) continue;
    for (const key of [`${at}/config`, `${at}/status/current`]) out[key] = withoutLock(out[key]);
    out[`${at}/pending`] = list(out[`${at}/pending`]).filter((row) => record(row)['key'] !== 'lock');
    const resources = list(out['GET /cluster/resources']);
    out['GET /cluster/resources'] = resources.map((row) => (record(row)['vmid'] === vmid ? withoutLock(row) : row));
    const detail = `${target} is locked (${lock}) now; the apply waits until that has ended`;
    found.push({ check: 'lock', result: 'warn', detail, request: id });
  }
  return out;
}

/** What PVE would not tell the token, so that the twin could not know it: said instead of guessed. */
function notRehearsed(capture: Capture): Preflight[] {
  return Object.entries(capture).flatMap(([key, value]) => {
    const { __error: refused } = record(value) as { __error?: string };
    if (refused === undefined) return [];
    return [
      {
        check: 'not rehearsed',
        result: 'warn' as const,
        detail: `${key} was refused, so what depends on it was not rehearsed: ${refused}`,
        request: '',
      },
    ];
  });
}

/** A lock that no running task owns was left behind by one that died: nothing to wait for (FACTS 24). */
async function diagnose(
  check: Preflight,
  requests: readonly PreparedRequest[],
  { api }: Environment,
): Promise<Preflight> {
  const target = requests.find(({ id }) => id === check.request)?.input.target;
  if (target === undefined) return check;
  const running = list(await api.get(`/nodes/${target.node}/tasks`, { source: 'active', vmid: target.vmid }));
  if (running.length > 0) return check;
  return {
    ...check,
    detail: `${check.detail}. No running task owns the lock, so it is probably stale: look at the guest, then clear it on ${target.node} with "qm unlock ${target.vmid}"`,
  };
}

function withoutLock(value: unknown): unknown {
  const { lock: _, ...rest } = record(value);
  return rest;
}

const permissionsOf = (requests: readonly PreparedRequest[]): Permission[] =>
  requests.flatMap(({ action, input }) => [...action.permissions(input)]);

function missingRights(permissions: readonly Held[]) {
  return permissions
    .filter(({ held }) => held === false)
    .map(({ path, privilege }) => ({
      check: 'token',
      result: 'warn' as const,
      detail: `the token does not seem to have ${privilege} on ${path}`,
      request: '',
    }));
}

const uniqueTargets = (requests: readonly PreparedRequest[]): PreparedRequest[] => [
  ...new Map(requests.map((one) => [one.input.target.text, one])).values(),
];

/** What a target was when it was planned; apply compares. */
function pin(
  { target }: ActionInput<unknown>,
  environment: string,
  inventory: Inventory,
  capture: Capture,
): PinnedTarget {
  const base = { environment, kind: target.kind };
  if (target.kind !== 'vm' && target.kind !== 'ct')
    return { target: target.text, pinned: { ...base, ...(target.node === '' ? {} : { node: target.node }) } };
  const config = record(capture[`GET /nodes/${target.node}/qemu/${target.vmid}/config`]);
  const name = text(config['name']) ?? inventory.guests.get(target.vmid)?.name;
  const uuid = guestIdentity(config);
  const digest = text(config['digest']);
  return {
    target: target.text,
    pinned: {
      ...base,
      vmid: target.vmid,
      node: target.node,
      ...(name ? { name } : {}),
      ...(uuid === undefined ? {} : { uuid }),
      ...(digest === undefined ? {} : { digest }),
    },
  };
}
