import type { Instant } from './types.ts';

/** What the HTTP API answers about runbooks. */
export interface Runbook {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly summary: string;
  readonly introduction?: string;
}

export interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly type: 'text' | 'integer';
  readonly example: string | number;
  readonly default?: string | number;
}

export interface RunbookWhole extends Runbook {
  readonly parameters: readonly Parameter[];
}

/** The verb that brings a run on. */
export type Next = 'answer' | 'approve' | 'run' | 'wait' | 'retry' | 'resume';

export interface RunSummary {
  readonly run_id: string;
  readonly runbook: string;
  readonly title: string;
  readonly version: string;
  readonly state: string;
  readonly change_id?: string;
  readonly created_at: Instant;
  readonly updated_at: Instant;
  readonly ended_at?: Instant;
  readonly created_by: unknown;
  readonly steps_total: number;
  readonly steps_done: number;
  readonly current?: number;
  readonly current_title?: string;
  readonly next?: Next;
}

export interface Attempt {
  readonly begun_at: Instant;
  readonly begun_by: unknown;
  readonly ended_at?: Instant;
  readonly ended_by?: unknown;
  readonly plan_id?: string;
  readonly operation_id?: string;
  readonly outcome?: string;
  readonly evidence?: string;
  readonly reason?: string;
}

export interface RunStep {
  readonly number: number;
  readonly title: string;
  readonly text: string;
  readonly state: string;
  readonly kind: string;
  /** Of a manual step. */
  readonly check?: string;
  readonly evidence?: 'required' | 'optional';
  /** Of an approval step. */
  readonly question?: string;
  readonly role?: string;
  readonly attempts: readonly Attempt[];
}

export interface Run extends RunSummary {
  readonly summary: string;
  readonly introduction: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly steps: readonly RunStep[];
  readonly notes: readonly {
    readonly what: string;
    readonly by: unknown;
    readonly at: Instant;
    readonly reason?: string;
  }[];
}
