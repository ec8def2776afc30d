import type { RiskLevel } from '../../actions/index.ts';
import type { Strictness } from '../../kernel/config.ts';
import type { PreparedRequest } from '../../operations/index.ts';
import type { Decision, Risk } from '../plan.ts';
import type { Principal } from '../../identity/index.ts';

/** What is known of a target beside its name; of what was not read, the emptiest value. */
export interface TargetFacts {
  readonly kind: string;
  readonly vmid: number;
  readonly name: string;
  readonly node: string;
  readonly tags: readonly string[];
  readonly pool: string;
  /** 1 to 3 by its tag or its services; 0 for none. */
  readonly tier: number;
  readonly protection: boolean;
  readonly template: boolean;
  readonly status: string;
  /** Hours since the last backup; null when there is none, or nobody asked. */
  readonly last_backup_age_hours: number | null;
}

/** A change record, as far as rules look at it. */
export interface ChangeFacts {
  readonly id: string;
  readonly category: string;
  readonly status: string;
  readonly risk: string;
}

/** What rules may read of a plan beside who asks for what, as it was when the plan was made. Kept with the plan. */
export interface PlanFacts {
  /** By target text, such as `vm/103`. */
  readonly targets: Readonly<Record<string, TargetFacts>>;
  /** By request id, with defaults and without secrets. Absent in plans of versions that did not keep them. */
  readonly params?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly change: ChangeFacts | null;
  readonly blast_radius: {
    readonly guests: readonly string[];
    readonly services: readonly string[];
    readonly nodes: readonly string[];
    readonly score: number;
  };
  readonly rehearsal: {
    readonly result: 'pass' | 'warn' | 'fail';
    readonly steps: number;
    readonly irreversible: number;
    /** Predicted. */
    readonly seconds: number;
  };
}

export interface PolicyInput {
  readonly principal: Pick<Principal, 'class' | 'role' | 'name'> &
    Partial<Pick<Principal, 'id' | 'method' | 'enrolled'>>;
  readonly environment: { readonly name: string; readonly production: boolean; readonly strictness?: Strictness };
  readonly requests: readonly PreparedRequest[];
  readonly risk: Risk;
  /** Milliseconds since the epoch. */
  readonly at?: number;
  /** Without them only the built-in rules can decide. */
  readonly facts?: PlanFacts;
  /** The change record that the plan names; null for none. */
  readonly change_id?: string | null;
}

/** Decides on a plan when it is made and again when it is applied. A policy that throws denies (see `decide`). */
export interface Policy {
  evaluate(input: PolicyInput): Decision;
  /** Facts that cost a read and that some rule wants, such as `target.last_backup_age_hours`. */
  readonly wants?: ReadonlySet<string>;
}

export type DecidingRule = Decision['rules'][number];

/** The risk that one request of a plan is judged by: what only reads stays free beside what does not. */
export const riskOf = (request: PreparedRequest, risk: Risk): RiskLevel =>
  request.action.risk.base === 'low' ? 'low' : risk.level;
