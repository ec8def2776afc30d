/**
 * Everything that a rule's expression may read, with its type. Expressions are checked against this when they are
 * loaded; `docs/policy.md` lists it.
 */
export type FieldType = 'string' | 'bool' | 'int' | 'list<string>' | 'hours';

/** A variable's fields. */
type Fields = Readonly<Record<string, FieldType>>;

const ACTION = { name: 'string', domain: 'string', risk: 'string', target: 'string' } as const satisfies Fields;

export const DECLARATION = {
  principal: {
    id: 'string',
    name: 'string',
    class: 'string',
    role: 'string',
    roles: 'list<string>',
    method: 'string',
  },
  environment: { name: 'string', production: 'bool', strictness: 'string' },
  action: ACTION,
  target: {
    kind: 'string',
    vmid: 'int',
    name: 'string',
    node: 'string',
    tags: 'list<string>',
    pool: 'string',
    tier: 'int',
    protection: 'bool',
    template: 'bool',
    status: 'string',
    last_backup_age_hours: 'hours',
  },
  change: { id: 'string', category: 'string', status: 'string', risk: 'string' },
  time: { hour: 'int', minute: 'int', weekday: 'string', date: 'string', iso: 'string', zone: 'string' },
  blast_radius: { guests: 'list<string>', services: 'list<string>', nodes: 'list<string>', score: 'int' },
  rehearsal: { result: 'string', steps: 'int', irreversible: 'int', seconds: 'int' },
  risk: { level: 'string', base: 'string', raises: 'list<string>' },
} as const satisfies Readonly<Record<string, Fields>>;

export type Variable = keyof typeof DECLARATION;
type Value<T extends FieldType> = T extends 'string'
  ? string
  : T extends 'bool'
    ? boolean
    : T extends 'int'
      ? number
      : T extends 'hours'
        ? number | null
        : readonly string[];
type Filled<F extends Fields> = { readonly [K in keyof F]: Value<F[K]> };

/** One request of a plan as an expression sees it; `actions` are those of the whole plan. */
export type Scope = { readonly [V in Exclude<Variable, 'change'>]: Filled<(typeof DECLARATION)[V]> } & {
  readonly change: Filled<(typeof DECLARATION)['change']> | null;
  readonly actions: readonly Filled<typeof ACTION>[];
  /** Of this request, without its secrets; null where they are not known. Typed by the actions that a rule names. */
  readonly params: Readonly<Record<string, unknown>> | null;
};

/** Variables of which there may be none, and lists of a variable's shape. */
export const NULLABLE: ReadonlySet<string> = new Set<Variable>(['change']);
export const LISTS: Readonly<Record<string, Variable>> = { actions: 'action' };
