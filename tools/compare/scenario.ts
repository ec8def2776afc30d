import type { HttpMethod, PveParams } from '../../src/proxmox/index.ts';

export interface Step {
  readonly name: string;
  readonly method: HttpMethod;
  readonly path: string;
  readonly params: PveParams;
}

interface Recorded {
  readonly steps?: readonly {
    readonly name: string;
    readonly request?: {
      readonly method: string;
      readonly path: string;
      readonly query?: PveParams;
      readonly body?: PveParams;
    };
  }[];
}

const OWN = /^\/nodes\/([^/]+)\/qemu(?:\/(\d+))?(\/|$)/;

export interface Place {
  /** First and last VMID that may be used. */
  readonly from: number;
  readonly to: number;
  /** Instead of the recorded node; the recorded one where undefined. */
  readonly node: string | undefined;
  /** Recorded storage to the one of this cluster. */
  readonly storages: Readonly<Record<string, string>>;
}

/**
 * The steps of a scenario that can be sent to somebody's cluster: those on guests, with the recorded VMIDs moved into
 * our range, and nodes and storages replaced. Everything else (users, storages, HA, network) is left out: leaving
 * nothing behind could not be promised for it.
 */
export function usable(recorded: unknown, { from, to, node, storages }: Place): Step[] {
  const numbers = new Map<string, number>();
  const moved = (vmid: string): number => {
    const known = numbers.get(vmid) ?? from + numbers.size;
    if (known > to) throw new Error(`the scenario uses more guests than the range has numbers`);
    numbers.set(vmid, known);
    return known;
  };
  const placed = ([key, value]: [string, PveParams[string]]): [string, PveParams[string]] => {
    if (/^(vmid|newid|target-vmid)$/.test(key)) return [key, moved(String(value))];
    if (typeof value !== 'string') return [key, value];
    const [storage = '', ...rest] = value.split(':');
    return [key, storage in storages ? [storages[storage], ...rest].join(':') : value];
  };
  return ((recorded as Recorded).steps ?? []).flatMap(({ name, request }) => {
    const match = OWN.exec(request?.path ?? '');
    if (request === undefined || match === null) return [];
    const at = (own: string, vmid: string | undefined): string =>
      `/nodes/${node ?? own}/qemu${vmid === undefined ? '' : `/${moved(vmid)}`}`;
    const path = request.path.replace(
      OWN,
      (_, own: string, vmid: string | undefined, end: string) => `${at(own, vmid)}${end}`,
    );
    const params = Object.entries({ ...request.query, ...request.body }).map(placed);
    return [{ name, method: request.method as HttpMethod, path, params: Object.fromEntries(params) }];
  });
}
