import { mappedOn } from '../cluster/mapped.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { PciDevice } from '../state/types.ts';

/** Memory controllers, bridges and processors: nobody passes them through. */
const UNWANTED = '05;06;0b';

function list({ world, node, params }: Call): unknown[] {
  const unwanted = splitList(params.maybe('pci-class-blacklist') ?? UNWANTED);
  const shown = world.nodeState(node).pci.filter(({ class: kind }) => !unwanted.includes(kind.slice(2, 4)));
  return params.flag('verbose', true) ? shown : shown.map(({ id }) => ({ id }));
}

/** A device by its address, with or without the domain in front; a mapping stands for its first one on this node. */
function deviceOf({ world, node, params }: Call): PciDevice {
  const named = params.text('pci-id-or-mapping');
  const id = /^[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$/i.test(named) ? `0000:${named}` : named;
  const mapped = mappedOn(world, 'pci', named, node)?.[0]?.path?.split(';')[0];
  const found = world.nodeState(node).pci.find((device) => device.id === (mapped ?? id) || device.id === `${mapped}.0`);
  if (found === undefined) throw fail(`pci device '${named}' not found`);
  return found;
}

const base = '/nodes/{node}/hardware/pci';

export const pciRoutes: Routes = {
  [`GET ${base}`]: list,
  [`GET ${base}/{pci-id-or-mapping}`]: (call) => {
    deviceOf(call);
    return [{ method: 'mdev' }];
  },
  // No device here can be divided.
  [`GET ${base}/{pci-id-or-mapping}/mdev`]: (call) => {
    deviceOf(call);
    return [];
  },
};
