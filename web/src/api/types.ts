/** What the HTTP API answers, as far as the page uses it. Members that an older or newer server may leave out are optional. */

/** Milliseconds since the epoch, or RFC 3339 text. */
export type Instant = number | string;

export type Role = 'viewer' | 'operator' | 'approver' | 'admin';

export interface Me {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly class: 'human' | 'service' | 'agent';
  /** Null or absent: all. */
  readonly environments?: readonly string[] | null;
  /** Role by environment, `*` for those that are not named; of people. */
  readonly grants?: Readonly<Record<string, Role>>;
  readonly actions?: readonly string[];
  /** Present where the caller is a person with an account. */
  readonly person?: Person;
  readonly session_id?: string;
  /** Of a person who is here with one of its own tokens. */
  readonly token_id?: string;
  readonly factor_at?: Instant | null;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly display: string;
  readonly password: boolean;
  readonly totp: boolean;
  readonly passkeys: number;
  readonly recovery_codes: number;
  /** The identity provider that the person signs in at. */
  readonly issuer?: string;
}

export interface Passkey {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly created_at: Instant;
  readonly last_used_at?: Instant | null;
}

export interface OpenSession {
  readonly id: string;
  readonly method: string;
  readonly client: string;
  readonly address: string;
  readonly seen_at: Instant;
  readonly current: boolean;
}

export interface OwnToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly class: string;
  readonly expires_at?: Instant | null;
}

export interface Environment {
  readonly name: string;
  readonly production: boolean;
  readonly endpoint: string | readonly string[];
  readonly status: 'ok' | 'unreachable';
  readonly detail?: string;
  readonly nodes?: number;
  readonly nodes_online?: number;
  readonly guests?: number;
  readonly version?: string;
  readonly frozen?: { readonly reason: string; readonly until?: Instant };
}

/** A row of PVE's `GET /nodes`. */
export interface PveNode {
  readonly node: string;
  readonly status: string;
  /** Share of `maxcpu`, 0 to 1. */
  readonly cpu?: number;
  readonly maxcpu?: number;
  /** Bytes. */
  readonly mem?: number;
  readonly maxmem?: number;
  readonly disk?: number;
  readonly maxdisk?: number;
  /** Seconds. */
  readonly uptime?: number;
}

/** A guest's row of PVE's `GET /cluster/resources`. */
export interface Guest {
  readonly id: string;
  readonly type: 'qemu' | 'lxc';
  readonly vmid: number;
  readonly node: string;
  readonly status: string;
  readonly name?: string;
  /** Separated by `;`. */
  readonly tags?: string;
  readonly pool?: string;
  readonly template?: number | boolean;
  readonly lock?: string;
  readonly cpu?: number;
  readonly maxcpu?: number;
  readonly mem?: number;
  readonly maxmem?: number;
  readonly uptime?: number;
}

export type RiskLevel = 'low' | 'medium' | 'high';

export interface Action {
  readonly name: string;
  readonly title: string;
  readonly risk: RiskLevel | { readonly base: RiskLevel; readonly why?: string };
  readonly risk_why?: string;
  readonly target: string;
  readonly params: JsonSchema;
  readonly summary?: string;
  readonly example?: { readonly target?: string; readonly params?: Readonly<Record<string, unknown>> };
}

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly writeOnly?: boolean;
}

export interface PlanRequest {
  readonly id?: string;
  readonly action: string;
  readonly target: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly after?: readonly string[];
}

export interface UndoPlan {
  readonly kind: string;
  readonly title?: string;
  readonly why?: string;
  readonly method?: string;
  readonly path?: string;
}

export interface TraceStep {
  readonly seq: number;
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly params?: Readonly<Record<string, unknown>> | null;
  readonly task?: string | null;
  readonly undo?: UndoPlan;
  readonly runtime?: readonly (string | { readonly param: string; readonly origin: string })[];
}

export interface DiffField {
  readonly name: string;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly effect?: string;
}

export interface DiffObject {
  readonly object: string;
  readonly kind: 'create' | 'update' | 'delete';
  readonly fields: readonly DiffField[];
}

export interface Check {
  readonly check: string;
  readonly result: 'pass' | 'warn' | 'fail';
  readonly detail?: string;
}

export interface Approval {
  readonly by?: string | { readonly id: string; readonly name?: string };
  readonly actor?: string | { readonly id: string; readonly name?: string };
  readonly at?: Instant;
  readonly comment?: string | null;
  readonly method?: string;
}

export interface Failure {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly message?: string;
  readonly step?: string | number;
}

export interface BlastRadius {
  readonly guests?: readonly string[];
  readonly services?: readonly string[];
  readonly nodes?: readonly string[];
  /** 0 to 100. */
  readonly score?: number;
  readonly parts?: readonly { readonly part: string; readonly count: number; readonly points: number }[];
  /** The nearest first. */
  readonly dependents?: readonly { readonly object: string; readonly by: string; readonly why: string }[];
  readonly dependents_omitted?: number;
  /** What could not be read, so that something may be missing. */
  readonly unread?: readonly string[];
}

/** What a yes is bound to; older servers name it only. */
export type Obligation =
  | string
  | { readonly obligation: string; readonly text: string; readonly rules?: readonly string[] };

/** When a plan is applied by itself, or what came of it. */
export interface Schedule {
  readonly state: string;
  readonly at: Instant;
  readonly until: Instant;
  readonly window?: string;
  readonly scheduled_by?: unknown;
  readonly result?: { readonly code: string; readonly detail: string; readonly at: Instant };
}

export interface CalendarEntry {
  readonly kind: 'window' | 'blackout' | 'plan' | 'freeze' | 'change';
  readonly environment: string;
  readonly name: string;
  readonly from: Instant;
  readonly to: Instant | null;
  readonly tiers?: readonly number[];
  readonly categories?: readonly string[];
  readonly plan_id?: string;
  readonly change_id?: string;
  /** Of a change: where it stands. */
  readonly status?: string;
  /** Of a window, the blackouts that hold at some time of it. */
  readonly blackouts?: readonly string[];
  readonly by?: unknown;
}

export interface Calendar {
  readonly time_zone: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly entries: readonly CalendarEntry[];
}

export interface Plan {
  readonly plan_id: string;
  readonly state: string;
  readonly environment: string;
  readonly requests: readonly PlanRequest[];
  readonly plan_hash: string;
  readonly request_hash?: string;
  readonly created_at: Instant;
  readonly expires_at: Instant;
  readonly created_by: string | { readonly id: string; readonly name?: string; readonly class?: string };
  readonly reason?: string | null;
  readonly change_id?: string | null;
  readonly schedule?: Schedule;
  readonly targets?: readonly { readonly target: string; readonly pinned?: Readonly<Record<string, unknown>> }[];
  readonly trace?: readonly TraceStep[];
  readonly diff?: readonly DiffObject[];
  readonly predicted_seconds?: number;
  readonly blast_radius?: BlastRadius;
  readonly change_category?: { readonly proposed: string; readonly why: string };
  readonly risk?: {
    readonly level: RiskLevel;
    readonly base?: RiskLevel;
    readonly why?: string;
    readonly raises?: readonly { readonly to: string; readonly reason: string }[];
  };
  readonly decision?: {
    readonly outcome: string;
    readonly approvals_required?: number;
    readonly obligations?: readonly Obligation[];
    readonly rules?: readonly { readonly id: string; readonly effect: string; readonly why: string }[];
  };
  readonly approvals?: readonly Approval[];
  /** What an approval takes of who asks. */
  readonly approval_needs?: readonly ('factor' | 'confirm')[];
  readonly preflight?: readonly Check[];
  readonly permissions?: readonly { readonly path: string; readonly privilege: string; readonly held: boolean }[];
  readonly irreversible?: readonly (
    | string
    | { readonly title?: string; readonly why?: string; readonly reason?: string }
  )[];
  readonly failure?: Failure | null;
}

export interface Effect {
  readonly seq: number;
  readonly title: string;
  readonly state: string;
  readonly upid?: string | null;
  readonly started_at?: Instant | null;
  readonly ended_at?: Instant | null;
  readonly progress?: number | string | { readonly fraction?: number; readonly line?: string } | null;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly in_doubt?: { readonly settled_by?: string } | null;
}

export interface Compensation {
  readonly seq?: number;
  readonly title: string;
  readonly state: string;
  readonly why?: string;
}

export interface Operation {
  readonly operation_id: string;
  readonly plan_id: string;
  readonly environment?: string;
  readonly state: string;
  readonly attempt?: number;
  readonly effects?: readonly Effect[];
  readonly waiting_for?: string | Readonly<Record<string, unknown>> | null;
  readonly verification?: readonly Check[] | null;
  readonly compensation?: readonly Compensation[] | null;
  /** What the actions answered, by the ids of the requests. */
  readonly results?: Readonly<Record<string, unknown>> | null;
  readonly created_at?: Instant | null;
  readonly started_at?: Instant | null;
  readonly ended_at?: Instant | null;
  readonly error?: Failure | string | null;
}

export interface AuditRecord {
  readonly seq: number;
  readonly at: Instant;
  /** This and what follows is absent for an environment that the caller may not see. */
  readonly actor?:
    | { readonly id?: string; readonly name?: string; readonly class?: string; readonly via?: string }
    | string;
  readonly environment?: string | null;
  readonly event?: string;
  readonly ids?: Readonly<Record<string, unknown>>;
  readonly decision?: unknown;
  readonly payload?: unknown;
  readonly hash: string;
}
