import type { RiskLevel } from '../actions/index.ts';
import type { Held } from '../estate/index.ts';
import type { ObjectChange, RehearsalFailure, TraceStep } from '../operations/index.ts';
import type { ApprovalRecord, PlanRecord, ScheduleRecord } from '../store/index.ts';
import type { PlanFacts } from './policy/types.ts';
import type { Principal } from '../identity/index.ts';

/** The plan as users see it; `spec`: what is named in the contract stays within /v1. */
export interface PlanBody {
  readonly requests: readonly PlanRequest[];
  readonly dry_run: boolean;
  readonly reason: string | null;
  readonly targets: readonly PinnedTarget[];
  readonly trace: readonly TraceStep[];
  readonly diff: readonly ObjectChange[];
  readonly predicted_seconds: number;
  readonly blast_radius: BlastRadius;
  readonly risk: Risk;
  readonly decision: Decision;
  /** Absent for what only reads. */
  readonly change_category?: ChangeCategory;
  /** What the policy looked at; it is asked again with it when the plan is applied. Absent in plans of older versions. */
  readonly facts?: PlanFacts & { readonly requester: Pick<Principal, 'role' | 'method'> };
  readonly preflight: readonly {
    readonly check: string;
    readonly result: string;
    readonly detail: string;
    readonly request: string;
  }[];
  readonly permissions: readonly Held[];
  readonly irreversible: readonly { readonly seq: number; readonly title: string; readonly why: string }[];
  /** What the rehearsal answered: addresses, numbers. A prediction. */
  readonly results: Readonly<Record<string, unknown>>;
  readonly failure?: RehearsalFailure;
}

export interface PlanRequest {
  readonly id: string;
  readonly environment: string;
  /** As it was sent, which may be an older name. */
  readonly action: string;
  readonly target: string;
  /** Secrets are `[redacted]`. */
  readonly params: unknown;
  readonly after: readonly string[];
  /** The VMID that was reserved for a new guest. */
  readonly newid?: number;
}

export interface PinnedTarget {
  readonly target: string;
  readonly pinned: {
    readonly environment: string;
    readonly kind: string;
    readonly vmid?: number;
    readonly node?: string;
    readonly name?: string;
    readonly uuid?: string;
    readonly digest?: string;
  };
}

export interface BlastRadius {
  readonly guests: readonly string[];
  readonly services: readonly string[];
  readonly nodes: readonly string[];
  /** 0 for reads, 100 at the most; the sum of `parts`. */
  readonly score: number;
  readonly parts?: readonly { readonly part: string; readonly count: number; readonly points: number }[];
  /** What the plan changes itself. */
  readonly touched?: readonly string[];
  /** What depends on that, at any remove, the nearest first; each with the object that it is reached by. */
  readonly dependents?: readonly { readonly object: string; readonly by: string; readonly why: string }[];
  /** How many of those are not named here. */
  readonly dependents_omitted?: number;
  /** What Proxmox VE would not tell, so that something may be missing here. */
  readonly unread?: readonly string[];
}

/** Which kind of change this is, proposed; a person can raise it. Emergency is never proposed. */
export interface ChangeCategory {
  readonly proposed: 'standard' | 'normal';
  readonly why: string;
  /** The rule of the policy that allowed all of it in advance; absent when the risk and the reach alone speak. */
  readonly rule?: string;
}

export interface Risk {
  readonly level: RiskLevel;
  readonly base: RiskLevel;
  readonly why: string;
  readonly raises: readonly { readonly to: RiskLevel; readonly reason: string }[];
}

export const OBLIGATIONS = [
  'roles',
  'other_approver',
  'second_factor',
  'window',
  'cool_down',
  'rehearsal',
  'snapshot_first',
  'change_record',
  'post_review',
] as const;

/** What a yes is bound to. */
export interface Obligation {
  readonly obligation: (typeof OBLIGATIONS)[number];
  /** In words, as the end of "this needs …". */
  readonly text: string;
  /** Ids of the rules that ask for it. */
  readonly rules: readonly string[];
  /** For `cool_down`. */
  readonly minutes?: number;
  /** For `roles`: each has to be among those who approve. */
  readonly roles?: readonly string[];
}

export interface Decision {
  readonly outcome: 'allow' | 'require_approval' | 'deny';
  readonly approvals_required: number;
  readonly obligations: readonly Obligation[];
  /** Those that decided, and those that bring an obligation. */
  readonly rules: readonly { readonly id: string; readonly effect: string; readonly why: string }[];
  /** Hash of the rules that decided; absent where only the built-in ones are. */
  readonly policy?: string;
}

/** The document of `GET /v1/plans/{id}`. */
export function planView(
  record: PlanRecord,
  approvals: readonly ApprovalRecord[],
  schedule?: ScheduleRecord,
): Record<string, unknown> {
  const {
    plan_id,
    environment,
    state,
    request_hash,
    plan_hash,
    created_at,
    expires_at,
    created_by,
    change_id,
    consumed_by,
  } = record;
  return {
    plan_id,
    state,
    environment,
    request_hash,
    plan_hash,
    created_at: new Date(created_at).toISOString(),
    expires_at: new Date(expires_at).toISOString(),
    created_by,
    ...(change_id === null ? {} : { change_id }),
    ...(consumed_by === null ? {} : { operation_id: consumed_by }),
    ...(schedule === undefined ? {} : { schedule: scheduleView(schedule) }),
    ...record.body,
    approvals: approvals.map(({ principal, at, comment, method, role, factor }) => ({
      by: principal,
      at: new Date(at).toISOString(),
      comment,
      method,
      ...(role === undefined ? {} : { role }),
      ...(factor === undefined ? {} : { factor }),
    })),
  };
}

/** When a plan is to be applied, and what came of it. */
export function scheduleView(schedule: ScheduleRecord): Record<string, unknown> {
  const { state, at, until, window_name, principal, tried_at, code, detail, operation_id } = schedule;
  const { id, name, class: kind } = principal;
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    state,
    at: iso(at),
    until: iso(until),
    ...(window_name === null ? {} : { window: window_name }),
    scheduled_by: { id, name, class: kind },
    ...(operation_id === null ? {} : { operation_id }),
    ...(tried_at === null || code === null ? {} : { result: { code, detail, at: iso(tried_at) } }),
  };
}

export const bodyOf = (record: PlanRecord): PlanBody => record.body as unknown as PlanBody;
