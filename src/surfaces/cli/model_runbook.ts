/** What the HTTP API answers about runbooks, as far as the command line shows it. */
export interface RunbookRow {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly summary: string;
}

export interface RunbookBody extends Omit<RunbookRow, 'parameters'> {
  readonly introduction: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly description: string;
    readonly example: string | number;
    readonly default?: string | number;
  }[];
  readonly steps: readonly {
    readonly number: number;
    readonly title: string;
    readonly text: string;
    readonly kind: string;
  }[];
}

export interface RunRow {
  readonly run_id: string;
  readonly runbook: string;
  readonly title: string;
  readonly state: string;
  readonly change_id?: string;
  readonly created_at: string;
  readonly steps_total: number;
  readonly steps_done: number;
  readonly current?: number;
  readonly current_title?: string;
  /** The verb that brings it on: answer, approve, run, wait, retry, resume. */
  readonly next?: string;
}

export interface RunAttempt {
  readonly plan_id?: string;
  readonly operation_id?: string;
  readonly outcome?: string;
  readonly evidence?: string;
  readonly reason?: string;
  readonly ended_by?: { readonly id: string; readonly name?: string };
}

export interface RunStepRow {
  readonly number: number;
  readonly title: string;
  readonly text: string;
  readonly state: string;
  readonly kind: string;
  readonly check?: string;
  readonly question?: string;
  readonly attempts: readonly RunAttempt[];
}

export interface RunBody extends RunRow {
  readonly summary: string;
  readonly introduction: string;
  readonly steps: readonly RunStepRow[];
}
