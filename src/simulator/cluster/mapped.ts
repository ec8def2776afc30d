import type { World } from '../core/world.ts';
import type { Mapping, PciDevice } from '../state/types.ts';

/** One entry of a mapping's `map`, taken apart. */
export type MapEntry = Readonly<Record<string, string>>;

/** `node=pve1,path=0000:01:00.0` as fields. */
export const mapEntry = (text: string): MapEntry =>
  Object.fromEntries(
    text.split(',').map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at), part.slice(at + 1)];
    }),
  );

/** What a mapping names on one node; undefined when there is no such mapping. */
export function mappedOn(world: World, type: Mapping['type'], id: string, node: string): MapEntry[] | undefined {
  return world.state.mappings
    .get(`${type}/${id}`)
    ?.map.map(mapEntry)
    .filter((entry) => entry.node === node);
}

const bare = (number: string): string => number.replaceAll('0x', '');

/** A path without a function stands for the whole device, of which function 0 must be there. */
const withFunction = (path: string): string => (/\.[0-9a-f]$/i.test(path) ? path : `${path}.0`);

function mismatch(id: string, path: string, device: PciDevice, entry: MapEntry, first: boolean): string | undefined {
  const right = { id: bare(`${device.vendor}:${device.device}`), iommugroup: String(device.iommugroup) };
  for (const name of ['id', 'iommugroup'] as const) {
    // The functions of a device are in its first one's group.
    if (name === 'iommugroup' && !first) continue;
    const configured = entry[name];
    if (configured === undefined) return `no '${name}' for device '${path}'`;
    if (bare(configured) !== right[name])
      return `'${name}' does not match for '${id}' (${right[name]} != ${bare(configured)})`;
  }
  return undefined;
}

/** Why a mapped PCI device cannot be used on this node, in PVE's words; undefined when it can. */
export function pciProblem(world: World, node: string, id: string, entry: MapEntry): string | undefined {
  const there = world.state.nodes[node]?.pci ?? [];
  for (const [index, one] of (entry.path ?? '').split(';').entries()) {
    const path = withFunction(one);
    const device = there.find((candidate) => candidate.id === path);
    if (device === undefined) return `pci device '${path}' not found`;
    const wrong = mismatch(id, path, device, entry, index === 0);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
