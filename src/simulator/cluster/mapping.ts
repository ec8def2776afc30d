import { may } from '../access/check.ts';
import { change } from '../access/users.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { ConfigValue, Mapping } from '../state/types.ts';
import { mapEntry, pciProblem, type MapEntry } from './mapped.ts';
import { mappingFile, mappingText } from './mapping-file.ts';

type Type = Mapping['type'];

const TYPES: readonly Type[] = ['pci', 'usb', 'dir'];

/** What is done, as it stands in front of what goes wrong; removing a device has words of its own. */
const WORDS: Readonly<Record<Type, readonly [create: string, update: string, remove: string]>> = {
  pci: ['create hardware mapping', 'update hardware mapping', 'delete pci mapping'],
  usb: ['create hardware mapping', 'update hardware mapping', 'delete usb mapping'],
  dir: ['create dir mapping', 'update dir mapping', 'remove dir mapping'],
};

const SEEN_WITH = ['Mapping.Modify', 'Mapping.Use', 'Mapping.Audit'];

const digestOf = ({ world }: Call, type: Type): string =>
  world.fileDigest(mappingFile(type), mappingText(world.state, type));

const shown = (call: Call, { type, options, map }: Mapping): Record<string, unknown> => ({
  type,
  ...options,
  map,
  digest: digestOf(call, type),
});

interface Problem {
  readonly severity: 'warning' | 'error';
  readonly message: string;
}

/** What is wrong with one entry on the node that was asked; only PCI devices are known in detail. */
function problem({ world, node }: Call, type: Type, id: string, entry: MapEntry): string | undefined {
  if (type === 'pci') return pciProblem(world, node, id, entry);
  return undefined;
}

function checks(call: Call, type: Type, id: string, { map }: Mapping): Problem[] {
  const entries = map.map(mapEntry).filter(({ node }) => node === call.node);
  if (entries.length === 0) return [{ severity: 'warning', message: `No mapping for node ${call.node}.` }];
  return entries.flatMap((entry) => {
    const words = problem(call, type, id, entry);
    return words === undefined ? [] : [{ severity: 'error' as const, message: `Invalid configuration: ${words}\n` }];
  });
}

function list(call: Call, type: Type): unknown[] {
  const node = call.params.maybe('check-node');
  if (node !== undefined && node !== 'localhost' && node !== call.node)
    throw fail(`wrong node to check - ${node} != ${call.node}`);
  return [...call.world.state.mappings]
    .filter(([, mapping]) => mapping.type === type)
    .map(([key, mapping]) => [key.slice(type.length + 1), mapping] as const)
    .filter(([id]) => may(call, `/mapping/${type}/${id}`, SEEN_WITH, true))
    .map(([id, mapping]) => ({
      id,
      ...shown(call, mapping),
      ...(node === undefined ? {} : { checks: checks(call, type, id, mapping) }),
    }));
}

const keyOf = (call: Call, type: Type): string => `${type}/${call.params.text('id')}`;

const entriesOf = (call: Call): string[] => {
  const map = call.params.raw('map') ?? [];
  return typeof map === 'object' ? map.map(String) : [String(map)];
};

const optionsOf = (call: Call): [string, ConfigValue][] =>
  call.params.without('id', 'map', 'digest', 'delete').map(([name, value]) => [name, value as ConfigValue]);

/** A folder can be shared once on each node. */
function assertOncePerNode(type: Type, map: readonly string[]): void {
  if (type !== 'dir') return;
  const counts = new Map<string, number>();
  for (const { node = '' } of map.map(mapEntry)) counts.set(node, (counts.get(node) ?? 0) + 1);
  for (const [node, count] of counts) if (count > 1) throw fail(`Node '${node}' is specified ${count} times.`);
}

function create(call: Call, type: Type): null {
  const { mappings } = call.world.state;
  const map = entriesOf(call);
  return change(WORDS[type][0], () => {
    if (mappings.has(keyOf(call, type))) throw fail(`${type} ID '${call.params.text('id')}' already defined`);
    assertOncePerNode(type, map);
    mappings.set(keyOf(call, type), { type, options: Object.fromEntries(optionsOf(call)), map });
    return null;
  });
}

/** An update names the whole map again, whatever else it changes. */
function update(call: Call, type: Type): null {
  const { params, world } = call;
  return change(WORDS[type][1], () => {
    const digest = params.maybe('digest');
    if (digest !== undefined && digest !== digestOf(call, type))
      throw fail('detected modified configuration - file changed by other user? Try again.');
    const mapping = world.state.mappings.get(keyOf(call, type));
    if (mapping === undefined) throw fail(`${type} ID '${params.text('id')}' does not exist`);
    if (!params.has('map')) throw fail("missing value for required option 'map'");
    const map = entriesOf(call);
    assertOncePerNode(type, map);
    for (const key of splitList(params.maybe('delete') ?? '')) {
      if (key === 'map') throw fail(`unable to delete required option '${key}'`);
      if (params.has(key)) throw fail(`cannot set and delete property '${key}' at the same time!`);
      delete mapping.options[key];
    }
    Object.assign(mapping.options, Object.fromEntries(optionsOf(call)));
    mapping.map = map;
    return null;
  });
}

function read(call: Call, type: Type): unknown {
  const mapping = call.world.state.mappings.get(keyOf(call, type));
  if (mapping === undefined) throw fail(`mapping '${call.params.text('id')}' not found`);
  return shown(call, mapping);
}

const routesOf = (type: Type): Routes => ({
  [`GET /cluster/mapping/${type}`]: (call) => list(call, type),
  [`POST /cluster/mapping/${type}`]: (call) => create(call, type),
  [`GET /cluster/mapping/${type}/{id}`]: (call) => read(call, type),
  [`PUT /cluster/mapping/${type}/{id}`]: (call) => update(call, type),
  // One that is not there is no error (FACTS 19).
  [`DELETE /cluster/mapping/${type}/{id}`]: (call) =>
    change(WORDS[type][2], () => {
      call.world.state.mappings.delete(keyOf(call, type));
      return null;
    }),
});

export const mappingRoutes: Routes = Object.assign({}, ...TYPES.map(routesOf)) as Routes;
