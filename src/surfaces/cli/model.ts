/** What the HTTP API answers, as far as the command line shows it. Older and newer servers may leave members out. */
export type Instant = number | string;

export interface EnvironmentRow {
  readonly name: string;
  readonly production?: boolean;
  readonly endpoint?: string | readonly string[];
  readonly status: string;
  readonly detail?: string;
  readonly nodes?: number;
  readonly guests?: number;
  readonly version?: string;
  readonly frozen?: { readonly reason: string; readonly until?: Instant };
}

export interface Guest {
  readonly vmid: number;
  readonly type?: string;
  readonly name?: string;
  readonly status?: string;
  readonly node?: string;
  readonly cpu?: number;
  readonly maxcpu?: number;
  readonly mem?: number;
  readonly maxmem?: number;
  /** Separated by `;`, as PVE has them. */
  readonly tags?: string;
  readonly template?: number | boolean;
  readonly lock?: string;
}

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly description?: string;
  readonly writeOnly?: boolean;
}

export interface ActionRow {
  readonly name: string;
  readonly title: string;
  readonly risk: string;
  readonly risk_why?: string;
  readonly target: string;
  readonly params: JsonSchema;
  readonly example?: { readonly target?: string; readonly params?: Readonly<Record<string, unknown>> };
  readonly aliases?: readonly string[];
  readonly summary?: string;
}

export interface Undo {
  readonly kind: string;
  readonly title?: string;
  readonly method?: string;
  readonly path?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly why?: string;
}

export interface Step {
  readonly seq: number;
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly params?: Readonly<Record<string, unknown>> | null;
  readonly task?: string | null;
  readonly undo?: Undo;
}

export interface ObjectDiff {
  readonly object: string;
  readonly kind: 'create' | 'update' | 'delete';
  readonly fields: readonly {
    readonly name: string;
    readonly before?: unknown;
    readonly after?: unknown;
    readonly effect?: string;
  }[];
}

export interface Check {
  readonly check: string;
  readonly result: string;
  readonly detail?: string;
}

/** When a plan is applied by itself. */
export interface Schedule {
  readonly state: string;
  readonly at: Instant;
  readonly until: Instant;
  readonly window?: string;
  readonly scheduled_by?: unknown;
  /** Why the last try came to nothing. */
  readonly result?: { readonly code: string; readonly detail: string; readonly at: Instant };
}

export interface CalendarEntry {
  readonly kind: string;
  readonly environment: string;
  readonly name: string;
  readonly from: Instant;
  readonly to: Instant | null;
  readonly tiers?: readonly number[];
  readonly categories?: readonly string[];
  readonly blackouts?: readonly string[];
  readonly plan_id?: string;
  readonly change_id?: string;
  /** Of a change: where it stands. */
  readonly status?: string;
}

export interface Plan {
  readonly plan_id: string;
  readonly state: string;
  readonly environment: string;
  readonly requests: readonly {
    readonly id?: string;
    readonly action: string;
    readonly target: string;
    readonly newid?: number;
  }[];
  readonly plan_hash: string;
  readonly created_at: Instant;
  readonly expires_at: Instant;
  readonly created_by?: unknown;
  readonly reason?: string | null;
  readonly change_id?: string | null;
  readonly dry_run?: boolean;
  readonly operation_id?: string;
  readonly schedule?: Schedule;
  readonly targets?: readonly { readonly target: string; readonly pinned?: Readonly<Record<string, unknown>> }[];
  readonly trace?: readonly Step[];
  readonly diff?: readonly ObjectDiff[];
  readonly predicted_seconds?: number;
  readonly blast_radius?: {
    readonly guests?: readonly string[];
    readonly services?: readonly string[];
    readonly nodes?: readonly string[];
    readonly score?: number;
    readonly parts?: readonly { readonly part: string; readonly count: number; readonly points: number }[];
    readonly dependents?: readonly { readonly object: string; readonly by: string; readonly why: string }[];
    readonly dependents_omitted?: number;
    readonly unread?: readonly string[];
  };
  readonly change_category?: { readonly proposed: string; readonly why: string };
  readonly risk?: {
    readonly level: string;
    readonly base?: string;
    readonly why?: string;
    readonly raises?: readonly { readonly to: string; readonly reason: string }[];
  };
  readonly decision?: {
    readonly outcome: string;
    readonly approvals_required?: number;
    readonly obligations?: readonly unknown[];
    readonly rules?: readonly { readonly id: string; readonly effect: string; readonly why: string }[];
  };
  readonly approvals?: readonly {
    readonly by?: unknown;
    readonly at?: Instant;
    readonly comment?: string | null;
    readonly method?: string;
  }[];
  readonly preflight?: readonly Check[];
  readonly permissions?: readonly {
    readonly path: string;
    readonly privilege: string;
    readonly held: boolean | null;
  }[];
  readonly irreversible?: readonly { readonly seq?: number; readonly title?: string; readonly why?: string }[];
  readonly failure?: {
    readonly step?: number;
    readonly title?: string;
    readonly code?: string;
    readonly detail?: string;
  } | null;
}

export interface Effect {
  readonly seq: number;
  readonly title: string;
  readonly state: string;
  readonly upid?: string | null;
  readonly started_at?: Instant | null;
  readonly ended_at?: Instant | null;
  readonly progress?: { readonly line?: string; readonly fraction?: number } | number | null;
  readonly error?: unknown;
  readonly in_doubt?: { readonly settled_by?: string } | null;
}

export interface Operation {
  readonly operation_id: string;
  readonly plan_id: string;
  readonly environment?: string;
  readonly state: string;
  readonly attempt?: number;
  readonly targets?: readonly string[];
  readonly started_by?: unknown;
  readonly effects?: readonly Effect[];
  readonly waiting_for?: unknown;
  readonly verification?: readonly Check[] | null;
  readonly compensation?:
    | readonly { readonly seq?: number; readonly title: string; readonly state: string; readonly why?: string }[]
    | null;
  readonly results?: Readonly<Record<string, unknown>>;
  readonly created_at?: Instant | null;
  readonly started_at?: Instant | null;
  readonly ended_at?: Instant | null;
  readonly error?: { readonly code?: string; readonly message?: string; readonly detail?: string } | string | null;
}

/** A line of a list, with the lines below it. */
export interface Line {
  readonly text: string;
  readonly lines?: readonly Line[];
}

export interface Criterion {
  /** From 1. */
  readonly n: number;
  readonly text: string;
  readonly result: string;
  readonly check?: {
    readonly kind: string;
    readonly environment?: string;
    readonly target?: string;
    readonly status?: string;
    readonly host?: string;
    readonly port?: number;
  };
  readonly how?: string;
  readonly by?: unknown;
  readonly at?: Instant;
  readonly evidence?: string;
}

export interface Change {
  readonly id: string;
  readonly status: string;
  readonly status_note: string;
  readonly category: string;
  readonly proposed_category?: { readonly proposed: string; readonly why: string } | null;
  readonly digest: string;
  readonly created_at: Instant;
  readonly updated_at: Instant;
  readonly created_by: unknown;
  readonly title: string;
  readonly date: string;
  readonly phase: string;
  readonly requested_by: string;
  readonly role: string;
  readonly summary: string;
  readonly scope: { readonly in: readonly Line[]; readonly out: readonly Line[]; readonly out_note?: string };
  readonly risk: {
    readonly level: string;
    readonly identified: readonly Line[];
    readonly mitigations: readonly Line[];
  };
  readonly impact: readonly { readonly on: string; readonly effect: string }[];
  readonly downtime: string;
  readonly rollback: readonly Line[];
  readonly validation: readonly Criterion[];
  readonly notes: string;
  readonly more?: readonly { readonly heading: string; readonly text: string }[];
  readonly environments: readonly string[];
  readonly runbooks: readonly string[];
  readonly plans: readonly { readonly plan_id: string; readonly state: string; readonly environment: string }[];
  readonly approvals: readonly {
    readonly by: unknown;
    readonly at: Instant;
    readonly comment: string;
    readonly method: string;
    readonly holds: boolean;
    /** Why it does not hold. */
    readonly lapsed?: 'rewritten' | 'may_not_approve';
  }[];
  readonly evidence: readonly { readonly at: Instant; readonly by: unknown; readonly text: string }[];
  readonly history: readonly {
    readonly status: string;
    readonly at: Instant;
    readonly by: unknown;
    readonly note: string;
  }[];
  readonly review?: {
    readonly due_at: string;
    readonly overdue: boolean;
    readonly done?: { readonly at: Instant; readonly by: unknown; readonly text: string };
  };
}

/** Shares from 0 to 1, times in seconds; null where nothing has ended yet. */
export interface ChangeMetrics {
  readonly total: number;
  readonly ended: number;
  readonly failure_rate: number | null;
  readonly lead_time_seconds: number | null;
  readonly emergency_share: number | null;
  readonly time_to_restore_seconds: number | null;
  readonly reviews_overdue: number;
}
