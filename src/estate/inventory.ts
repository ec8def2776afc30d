import type { Target } from '../actions/define.ts';
import { AgentError } from '../kernel/errors.ts';
import { list, num, record, text, type PveApi } from '../proxmox/index.ts';

/** A guest as `/cluster/resources` tells it; its state lags up to ten seconds behind (FACTS 41). */
export interface GuestEntry {
  readonly kind: 'vm' | 'ct';
  readonly vmid: number;
  readonly node: string;
  readonly name: string;
  readonly status: string;
  readonly template: boolean;
  readonly tags: readonly string[];
  readonly pool: string | undefined;
  readonly lock: string | undefined;
  /** All of PVE's own fields. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** The whole cluster in the one call that PVE has for it. */
export interface Inventory {
  readonly raw: readonly unknown[];
  readonly guests: ReadonlyMap<number, GuestEntry>;
  readonly nodes: readonly Readonly<Record<string, unknown>>[];
  readonly storages: readonly Readonly<Record<string, unknown>>[];
}

export async function readInventory(api: PveApi): Promise<Inventory> {
  return inventoryOf(list(await api.get('/cluster/resources')));
}

export function inventoryOf(raw: readonly unknown[]): Inventory {
  const rows = raw.map((row) => record(row));
  const of = (type: string) => rows.filter((row) => row['type'] === type);
  const guests = rows.filter((row) => row['type'] === 'qemu' || row['type'] === 'lxc').map(toGuest);
  return {
    raw,
    guests: new Map(guests.map((guest) => [guest.vmid, guest])),
    nodes: of('node'),
    storages: of('storage'),
  };
}

function toGuest(row: Readonly<Record<string, unknown>>): GuestEntry {
  return {
    kind: row['type'] === 'qemu' ? 'vm' : 'ct',
    vmid: num(row['vmid']) ?? 0,
    node: text(row['node']) ?? '',
    name: text(row['name']) ?? '',
    status: text(row['status']) ?? 'unknown',
    template: num(row['template']) === 1,
    tags: (text(row['tags']) ?? '').split(/[;, ]+/).filter(Boolean),
    pool: text(row['pool']),
    lock: text(row['lock']),
    raw: row,
  };
}

/** Where a target is. Errors: `NOT_FOUND` when the environment has no such thing, or it is of another kind. */
export function locate(
  target: Pick<Target, 'kind' | 'id' | 'text' | 'vmid'>,
  inventory: Inventory,
  environment: string,
): Target {
  const missing = (why: string): AgentError =>
    new AgentError('NOT_FOUND', `${environment} has no ${target.text}${why}.`, {
      errors: { target: 'does not exist' },
    });
  switch (target.kind) {
    case 'vm':
    case 'ct': {
      const guest = inventory.guests.get(target.vmid);
      if (guest === undefined) throw missing('');
      if (guest.kind !== target.kind)
        throw missing(
          `; ${target.vmid} is a ${guest.kind === 'vm' ? 'VM' : 'container'} (${guest.kind}/${target.vmid})`,
        );
      return { ...target, node: guest.node };
    }
    case 'node':
      if (!inventory.nodes.some((node) => node['node'] === target.id))
        throw missing(`; its nodes are ${inventory.nodes.map((node) => String(node['node'])).join(', ')}`);
      return { ...target, node: target.id };
    case 'storage':
      if (!inventory.storages.some((storage) => storage['storage'] === target.id)) throw missing('');
      return { ...target, node: '' };
    case 'cluster':
      return { ...target, node: '' };
  }
}

/** The lowest number from 100 up that no guest has and `taken` does not name: what PVE's own dialog would propose. */
export function nextVmid(inventory: Inventory, taken: ReadonlySet<number>): number {
  let vmid = 100;
  while (inventory.guests.has(vmid) || taken.has(vmid)) vmid++;
  return vmid;
}
