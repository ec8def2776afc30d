import type { Call, Routes } from '../core/call.ts';
import { PveError } from '../core/errors.ts';
import { sectionRoutes, sectionsOf, type Section, type SectionKind } from '../core/sections.ts';
import { ENDPOINT_TYPES } from '../state/section-files.ts';

type Type = (typeof ENDPOINT_TYPES)[number];

/** What a new cluster has: mail to root for everything. */
const MAIL = 'mail-to-root';
const BUILT_IN: Readonly<Partial<Record<Type, Readonly<Record<string, Section>>>>> = {
  sendmail: { [MAIL]: { 'mailto-user': ['root@pam'], comment: 'Mail to the address of root@pam' } },
};
const DEFAULT_MATCHER = {
  'default-matcher': { mode: 'all', target: [MAIL], comment: `Everything goes to ${MAIL}` },
};

const SECRETS: Readonly<Partial<Record<Type, readonly string[]>>> = { gotify: ['token'], smtp: ['password'] };

const notFound = (what: string) => (name: string) => new PveError(404, `${what} '${name}' not found`);
const taken = (name: string): PveError => new PveError(400, `'${name}' already exists`);

const originOf = (builtIn: Readonly<Record<string, Section>> | undefined, id: string, section: Section): Section => {
  const known = builtIn?.[id];
  return { origin: known === undefined ? 'user-created' : known === section ? 'builtin' : 'modified-builtin' };
};

/** Everything that messages can be sent to, whatever its kind; names are unique among all. */
function targets(call: Call): { name: string; type: Type; section: Section }[] {
  return ENDPOINT_TYPES.flatMap((type) =>
    [...sectionsOf(call, `endpoint/${type}`, BUILT_IN[type])].map(([name, section]) => ({ name, type, section })),
  );
}

const matchers = (call: Call): Map<string, Section> => sectionsOf(call, 'matcher', DEFAULT_MATCHER);

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

function demandUnique(call: Call, old: Section | undefined): void {
  const name = call.params.text('name');
  if (old === undefined && (targets(call).some((one) => one.name === name) || matchers(call).has(name)))
    throw taken(name);
}

function demandUnused(call: Call, name: string): void {
  const users = [...matchers(call)].filter(([, { target }]) => listOf(target).includes(name)).map(([id]) => id);
  if (users.length > 0) throw new PveError(400, `cannot delete '${name}', referenced by: ${users.join(', ')}`);
}

/** Of a webhook's secrets only the names are shown. */
const hideSecrets = (section: Section): Section =>
  section.secret === undefined
    ? {}
    : { secret: listOf(section.secret).map((text) => text.replace(/,?value=[^,]*/, '')) };

const endpoint = (type: Type): SectionKind => {
  const builtIn = BUILT_IN[type];
  return {
    file: `endpoint/${type}`,
    madeAt: 'list',
    taken,
    missing: notFound('endpoint'),
    secret: SECRETS[type] ?? [],
    ...(builtIn === undefined ? {} : { builtIn }),
    check: (call, _values, old) => demandUnique(call, old),
    checkRemoval: demandUnused,
    masked: hideSecrets,
    listed: (_call, id, section) => originOf(builtIn, id, section),
  };
};

const matcher: SectionKind = {
  file: 'matcher',
  madeAt: 'list',
  taken,
  missing: notFound('matcher'),
  builtIn: DEFAULT_MATCHER,
  check: (call, { target }, old) => {
    demandUnique(call, old);
    const known = new Set(targets(call).map(({ name }) => name));
    const unknown = listOf(target).find((name) => !known.has(name));
    if (unknown !== undefined) throw notFound('endpoint')(unknown);
  },
  listed: (_call, id, section) => originOf(DEFAULT_MATCHER, id, section),
};

/** Nothing is sent from here; a target that is there counts as reached. */
function test(call: Call): null {
  const name = call.params.text('name');
  if (!targets(call).some((one) => one.name === name)) throw notFound('endpoint')(name);
  return null;
}

export const notificationRoutes: Routes = {
  ...Object.fromEntries(ENDPOINT_TYPES.flatMap((type) => Object.entries(sectionRoutes(endpoint(type))))),
  ...sectionRoutes(matcher),
  'GET /cluster/notifications/targets': (call) =>
    targets(call).map(({ name, type, section: { comment, disable, ...section } }) => ({
      name,
      type,
      ...originOf(BUILT_IN[type], name, sectionsOf(call, `endpoint/${type}`, BUILT_IN[type]).get(name) ?? section),
      ...(comment === undefined ? {} : { comment }),
      ...(disable === undefined ? {} : { disable }),
    })),
  'POST /cluster/notifications/targets/{name}/test': test,
  'GET /cluster/notifications/matcher-fields': () => ['type', 'hostname', 'job-id'].map((name) => ({ name })),
  'GET /cluster/notifications/matcher-field-values': ({ world }) => [
    ...Object.keys(world.state.nodes).map((value) => ({ field: 'hostname', value })),
    ...['fencing', 'package-updates', 'replication', 'system-mail', 'vzdump'].map((value) => ({
      field: 'type',
      value,
    })),
    ...[...world.state.backupJobs.keys()].map((value) => ({ field: 'job-id', value })),
  ],
};
