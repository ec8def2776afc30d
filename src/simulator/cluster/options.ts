import { textOf } from '../core/text.ts';
import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { splitList } from '../schema/formats.ts';
import { fieldsOf } from '../schema/property-string.ts';

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

/** Tags that the caller may give: with Sys.Modify all that are known, else as the options allow. */
function allowedTags(call: Call, values: Readonly<Record<string, string>>): string[] {
  const { state } = call.world;
  const privileged = may(call, '/', ['Sys.Modify']);
  const access = values['user-tag-access'] ?? '';
  const mode = /user-allow=([^,]*)/.exec(access)?.[1] ?? 'free';
  const tags = new Set<string>(privileged ? splitList(values['registered-tags'] ?? '') : []);
  if (privileged || mode === 'list' || mode === 'existing')
    for (const tag of splitList(/user-allow-list=([^,]*)/.exec(access)?.[1] ?? '')) tags.add(tag);
  if (privileged || mode === 'free' || mode === 'existing') {
    for (const guest of state.guests.values()) {
      if (guest.config.tags === undefined || !may(call, `/vms/${guest.vmid}`, ['VM.Audit'])) continue;
      for (const tag of splitList(String(guest.config.tags))) tags.add(tag);
    }
  }
  return [...tags].toSorted();
}

/** What everybody needs to show a page. */
const PUBLIC = new Set(['console', 'tag-style']);

function read(call: Call): unknown {
  const { options } = call.world.state;
  const all = may(call, '/', ['Sys.Audit']);
  const out: Record<string, unknown> = all ? { description: '', mac_prefix: DEFAULT_MAC_PREFIX } : {};
  for (const [key, value] of Object.entries(options)) if (all || PUBLIC.has(key)) out[key] = shown(call, key, value);
  const tags = allowedTags(call, options);
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
