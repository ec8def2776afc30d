import type { Instant, RiskLevel } from './types.ts';

export type ChangeStatus = 'planned' | 'approved' | 'in_progress' | 'completed' | 'paused' | 'rolled_back' | 'rejected';

/** A line of a list, with the lines below it. */
export interface Line {
  readonly text: string;
  readonly lines?: readonly Line[];
}

type Who = string | { readonly id: string; readonly name?: string; readonly class?: string };

export interface Criterion {
  /** From 1. */
  readonly n: number;
  readonly text: string;
  readonly result: 'open' | 'passed' | 'failed';
  /** What the control plane itself looks at. */
  readonly check?: {
    readonly kind: string;
    readonly environment?: string;
    readonly target?: string;
    readonly status?: string;
    readonly host?: string;
    readonly port?: number;
  };
  readonly how?: 'check' | 'word';
  readonly by?: Who;
  readonly at?: Instant;
  readonly evidence?: string;
}

/** A change record. In a list it comes without its plans. */
export interface Change {
  readonly id: string;
  readonly status: ChangeStatus;
  readonly status_note: string;
  readonly category: string;
  readonly proposed_category?: { readonly proposed: string; readonly why: string } | null;
  /** Of its words and category: what an approval is bound to. */
  readonly digest: string;
  readonly created_at: Instant;
  readonly updated_at: Instant;
  readonly created_by: Who;
  readonly title: string;
  readonly date: string;
  readonly phase: string;
  readonly requested_by: string;
  readonly role: string;
  readonly summary: string;
  readonly scope: { readonly in: readonly Line[]; readonly out: readonly Line[]; readonly out_note?: string };
  readonly risk: {
    readonly level: RiskLevel;
    readonly identified: readonly Line[];
    readonly mitigations: readonly Line[];
  };
  readonly impact: readonly { readonly on: string; readonly effect: string }[];
  readonly downtime: string;
  readonly rollback: readonly Line[];
  readonly validation: readonly Criterion[];
  readonly notes: string;
  readonly more: readonly { readonly heading: string; readonly text: string }[];
  /** Empty: all. */
  readonly environments: readonly string[];
  readonly runbooks: readonly string[];
  readonly plans: readonly {
    readonly plan_id: string;
    readonly state: string;
    readonly environment: string;
    readonly operation_id?: string;
  }[];
  readonly approvals: readonly {
    readonly by: Who;
    readonly at: Instant;
    readonly comment: string;
    readonly method: string;
    readonly holds: boolean;
    /** Why it does not hold. */
    readonly lapsed?: 'rewritten' | 'may_not_approve';
  }[];
  readonly evidence: readonly { readonly at: Instant; readonly by: Who; readonly text: string }[];
  readonly history: readonly {
    readonly status: string;
    readonly at: Instant;
    readonly by: Who;
    readonly note: string;
  }[];
  readonly review?: {
    readonly due_at: Instant;
    readonly overdue: boolean;
    readonly done?: { readonly at: Instant; readonly by: Who; readonly text: string };
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
