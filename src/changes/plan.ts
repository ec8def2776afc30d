import type { RiskLevel } from '../actions/index.ts';
import type { Held } from '../estate/index.ts';
import type { ObjectChange, RehearsalFailure, TraceStep } from '../operations/index.ts';
import type { ApprovalRecord, PlanRecord } from '../store/index.ts';

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
  /** One point for each guest, three for each service; 0 for reads. */
  readonly score: number;
}

export interface Risk {
  readonly level: RiskLevel;
  readonly base: RiskLevel;
  readonly why: string;
  readonly raises: readonly { readonly to: RiskLevel; readonly reason: string }[];
}

export interface Decision {
  readonly outcome: 'allow' | 'require_approval' | 'deny';
  readonly approvals_required: number;
  readonly obligations: readonly string[];
  readonly rules: readonly { readonly id: string; readonly effect: string; readonly why: string }[];
}

/** The document of `GET /v1/plans/{id}`. */
export function planView(record: PlanRecord, approvals: readonly ApprovalRecord[]): Record<string, unknown> {
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
    ...record.body,
    approvals: approvals.map(({ principal, at, comment, method }) => ({
      by: principal,
      at: new Date(at).toISOString(),
      comment,
      method,
    })),
  };
}

export const bodyOf = (record: PlanRecord): PlanBody => record.body as unknown as PlanBody;
