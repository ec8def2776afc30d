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

/**
 * The steps of a scenario that can be sent to somebody's cluster: those on guests, with the recorded VMIDs moved into
 * our range, and the recorded node replaced by `node`. Everything else (users, storages, HA, network) is left out:
 * leaving nothing behind could not be promised for it.
 */
export function usable(
  recorded: unknown,
  { from, to }: { readonly from: number; readonly to: number },
  node: string | undefined,
): Step[] {
  const numbers = new Map<string, number>();
  const moved = (vmid: string): number => {
    const known = numbers.get(vmid) ?? from + numbers.size;
    if (known > to) throw new Error(`the scenario uses more guests than the range has numbers`);
    numbers.set(vmid, known);
    return known;
  };
  return ((recorded as Recorded).steps ?? []).flatMap(({ name, request }) => {
    const match = OWN.exec(request?.path ?? '');
    if (request === undefined || match === null) return [];
    const path = request.path.replace(
      OWN,
      (_, own: string, vmid: string | undefined, end: string) =>
        `/nodes/${node ?? own}/qemu${vmid === undefined ? '' : `/${moved(vmid)}`}${end}`,
    );
    const params = Object.entries({ ...request.query, ...request.body }).map(([key, value]) => [
      key,
      /^(vmid|newid|target-vmid)$/.test(key) ? moved(String(value)) : value,
    ]);
    return [{ name, method: request.method as HttpMethod, path, params: Object.fromEntries(params) as PveParams }];
  });
}
