import { ACTIONS, paramsSchema, type AnyAction, type Permission } from '../../actions/index.ts';

/** A privilege that the control plane's token needs, and what for. */
export interface Need extends Permission {
  /** Top of a tree of Proxmox VE's paths: `/vms`, `/storage`, `/nodes`, `/sdn`, `/pool` or `/`. */
  readonly path: string;
  /** Names of actions; empty for what every plan needs. */
  readonly actions: readonly string[];
}

/** What planning itself reads, whatever the action. */
const READING: readonly Permission[] = [
  { path: '/vms', privilege: 'VM.Audit' },
  { path: '/storage', privilege: 'Datastore.Audit' },
  { path: '/nodes', privilege: 'Sys.Audit' },
  { path: '/', privilege: 'Sys.Audit' },
  { path: '/pool', privilege: 'Pool.Audit' },
];

/**
 * What Proxmox VE asks for beyond what an action names, because it depends on the guest and not on the request: the
 * bridges that a clone is connected to, the storage that a full clone goes to, the agent that is asked for addresses.
 */
const BY_GUEST: Readonly<Record<string, readonly Permission[]>> = {
  'vm.clone': [
    { path: '/sdn', privilege: 'SDN.Use' },
    { path: '/storage', privilege: 'Datastore.AllocateSpace' },
  ],
  'vm.create_from_template': [
    { path: '/sdn', privilege: 'SDN.Use' },
    { path: '/vms', privilege: 'VM.Config.Network' },
    { path: '/vms', privilege: 'VM.GuestAgent.Audit' },
  ],
  'disk.resize': [{ path: '/storage', privilege: 'Datastore.AllocateSpace' }],
  'vm.bootstrap': [{ path: '/vms', privilege: 'VM.GuestAgent.Audit' }],
};

/** The privileges that all actions need together, on Proxmox VE of this major version, by path and name. */
export function neededBy(actions: readonly AnyAction[], major: number): Need[] {
  const found = new Map<string, Need>();
  const add = ({ path, privilege }: Permission, action?: string): void => {
    const need = { path: topOf(path), privilege: nameIn(privilege, major) };
    const key = `${need.path} ${need.privilege}`;
    const known = found.get(key)?.actions ?? [];
    found.set(key, { ...need, actions: action === undefined || known.includes(action) ? known : [...known, action] });
  };
  for (const permission of READING) add(permission);
  for (const action of actions)
    for (const permission of [...permissionsOf(action), ...(BY_GUEST[action.name] ?? [])]) add(permission, action.name);
  return [...found.values()].toSorted((a, b) => compare(a.path, b.path) || compare(a.privilege, b.privilege));
}

export const allNeeds = (major: number): Need[] => neededBy(ACTIONS, major);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Proxmox VE 9 divided `VM.Monitor` up; what 8 asks for where 9 wants one of the parts. */
const nameIn = (privilege: string, major: number): string =>
  major < 9 && privilege.startsWith('VM.GuestAgent.') ? 'VM.Monitor' : privilege;

const topOf = (path: string): string => `/${path.split('/')[1] ?? ''}`;

/** What an action names for its own example, and for a request that says everything that can be said. */
function permissionsOf(action: AnyAction): Permission[] {
  const target = { kind: action.target, id: '100', text: `${action.target}/100`, vmid: 100, node: 'node' } as const;
  const inputs: unknown[] = [action.params.parse(action.docs.example.params), fullest(paramsSchema(action))];
  return inputs.flatMap((params) => action.permissions({ target, params, newid: 200 }));
}

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
}

/** Some value with every member that a schema has; only which members there are counts. */
function fullest(schema: Schema): unknown {
  const [first] = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (first !== undefined) return fullest(first);
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.type === 'object') return members(schema);
  if (schema.type === 'array') return [fullest(schema.items ?? {})];
  if (schema.type === 'boolean') return true;
  return schema.type === 'integer' || schema.type === 'number' ? 1 : 'x';
}

function members({ properties = {}, additionalProperties: more }: Schema): Record<string, unknown> {
  const named = Object.entries(properties).map(([name, one]) => [name, fullest(one)] as const);
  return Object.fromEntries(typeof more === 'object' ? [...named, ['0', fullest(more)]] : named);
}
