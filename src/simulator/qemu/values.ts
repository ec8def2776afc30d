import type { World } from '../core/world.ts';
import { printPropertyString } from '../schema/property-string.ts';
import type { Value } from '../schema/validate.ts';
import { fieldsOf } from '../schema/property-string.ts';
import type { Config, ConfigValue } from '../state/types.ts';
import { formatOf, NET } from './drives.ts';
import { normalizeTags } from './privileges.ts';

/** Parameters of a create or update call as the configuration keeps them: a MAC for each card, tags in order. */
export function normalizeValues(world: World, params: Iterable<readonly [string, Value]>): Config {
  const out: Config = {};
  for (const [key, value] of params) out[key] = normalizeValue(world, key, value as ConfigValue);
  return out;
}

function normalizeValue(world: World, key: string, value: ConfigValue): ConfigValue {
  if (key === 'tags')
    return normalizeTags(String(value), /case-sensitive=1/.test(world.state.options['tag-style'] ?? ''));
  if (!NET.test(key)) return value;
  const format = formatOf(key);
  const fields = fieldsOf(format, String(value));
  fields.macaddr = (fields.macaddr ?? world.mac()).toUpperCase();
  return printPropertyString(format, fields);
}

/** Another MAC for every card, as a clone gets. */
export function renewMacs(world: World, config: Config): void {
  for (const key of Object.keys(config)) {
    if (!NET.test(key)) continue;
    const format = formatOf(key);
    config[key] = printPropertyString(format, { ...fieldsOf(format, String(config[key])), macaddr: world.mac() });
  }
}

/** Another identity: smbios1 keeps its other fields. */
export function renewIdentity(world: World, config: Config): void {
  if (config.smbios1 !== undefined)
    config.smbios1 = String(config.smbios1).replace(/uuid=[^,]*/, `uuid=${world.uuid()}`);
  if (config.vmgenid !== undefined && String(config.vmgenid) !== '0') config.vmgenid = world.uuid();
}
