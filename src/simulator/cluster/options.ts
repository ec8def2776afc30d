import { textOf } from '../core/text.ts';
import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { splitList } from '../schema/formats.ts';
import { fieldsOf } from '../schema/property-string.ts';
import type { State } from '../state/types.ts';

const OPTIONS_METHOD = '/cluster/options';
const DEFAULT_MAC_PREFIX = 'BC:24:11';

/** Options that the API shows taken apart. */
const STRUCTURED = new Set([
  'bwlimit',
  'crs',
  'ha',
  'migration',
  'next-id',
  'notify',
  'replication',
  'tag-style',
  'u2f',
  'user-tag-access',
  'webauthn',
  'location',
]);

function shown(call: Call, key: string, value: string): unknown {
  if (key === 'registered-tags') return splitList(value);
  if (!STRUCTURED.has(key)) return value;
  const format = call.method.path === OPTIONS_METHOD ? optionFormat(key) : {};
  const fields: Record<string, unknown> = fieldsOf(format, value);
  if (key === 'user-tag-access' && fields['user-allow-list'] !== undefined)
    fields['user-allow-list'] = splitList(textOf(fields['user-allow-list']));
  return fields;
}

const optionFormat = (key: string) => {
  const properties = {
    'tag-style': ['case-sensitive', 'color-map', 'ordering', 'shape'],
    'user-tag-access': ['user-allow', 'user-allow-list'],
  };
  const names = properties[key as keyof typeof properties] ?? [];
  return Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
};

/** Registered tags, those of guests where any may be used, and the allowed list. */
function allowedTags(state: State, values: Readonly<Record<string, string>>): string[] {
  const tags = new Set(splitList(values['registered-tags'] ?? ''));
  const access = values['user-tag-access'] ?? '';
  for (const tag of splitList(/user-allow-list=([^,]*)/.exec(access)?.[1] ?? '')) tags.add(tag);
  for (const guest of state.guests.values())
    for (const tag of splitList(String(guest.config.tags ?? ''))) tags.add(tag);
  return [...tags].toSorted();
}

function read(call: Call): unknown {
  const { options } = call.world.state;
  const values = { ...options };
  if (!may(call, '/', ['Sys.Audit'])) {
    const visible = ['console', 'tag-style', 'allowed-tags'];
    return Object.fromEntries(
      Object.entries(values)
        .filter(([key]) => visible.includes(key))
        .map(([key, value]) => [key, shown(call, key, value)]),
    );
  }
  const out: Record<string, unknown> = { description: '', mac_prefix: DEFAULT_MAC_PREFIX };
  for (const [key, value] of Object.entries(values)) out[key] = shown(call, key, value);
  const tags = allowedTags(call.world.state, values);
  if (tags.length > 0) out['allowed-tags'] = tags;
  return out;
}

export const optionRoutes: Routes = {
  'GET /cluster/options': read,
  'PUT /cluster/options': ({ world, params }) => {
    const { options } = world.state;
    for (const key of splitList(params.maybe('delete') ?? '')) delete options[key];
    for (const [key, value] of params.without('delete')) options[key] = String(value);
    return null;
  },
};
