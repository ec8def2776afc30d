import type { ActionInput, AnyAction, Call, Check, Effect } from '../actions/define.ts';
import type { PveParams } from '../proxmox/types.ts';

/** How a step is taken back, as it stands in the plan. */
export type UndoPlan =
  | {
      readonly kind: 'call';
      readonly title: string;
      readonly method: Call['method'];
      readonly path: string;
      readonly params: StepParams;
    }
  | { readonly kind: 'with'; readonly title: string }
  | { readonly kind: 'none' | 'irreversible'; readonly why: string };

/** Parameters as they are compared and hashed: run-time values by origin, secrets by keyed fingerprint. */
export type StepParams = Readonly<Record<string, unknown>>;

/** What of an effect is compared between plan and apply. */
export interface StepForm {
  readonly method: Call['method'];
  readonly path: string;
  readonly params: StepParams;
  readonly task: string | null;
  readonly undo: UndoPlan;
}

/** One effect of the trace. `seq` counts from 1 over the plan, `index` from 0 over its request. */
export interface TraceStep extends StepForm {
  readonly seq: number;
  readonly request: string;
  readonly index: number;
  readonly title: string;
  readonly runtime: readonly { readonly param: string; readonly origin: string }[];
}

/** One request of a plan, ready to run: the action found, the target resolved, the parameters parsed. */
export interface PreparedRequest {
  readonly id: string;
  readonly action: AnyAction;
  readonly input: ActionInput<unknown>;
  /** Requests that must have ended well before this one starts. */
  readonly after: readonly string[];
}

export interface ExecutablePlan {
  readonly plan_id: string;
  readonly environment: string;
  readonly requests: readonly PreparedRequest[];
  readonly trace: readonly TraceStep[];
}

/** An effect that took place, kept for compensation. */
export interface CompletedEffect {
  readonly step: TraceStep;
  readonly effect: Effect;
  /** SMBIOS uuid of the guest it created; absent where it creates none or the guest could not be read. */
  readonly created?: string;
}

export interface RequestResult {
  readonly result: Readonly<Record<string, unknown>>;
  readonly completed: readonly CompletedEffect[];
}

/** What became of one completed effect after a failure. */
export interface CompensationEntry {
  readonly seq: number;
  readonly title: string;
  readonly state: 'undone' | 'left' | 'nothing' | 'failed';
  readonly why: string;
}

export interface VerificationEntry extends Check {
  readonly request: string;
}

export type EffectState = 'intent' | 'answered' | 'done' | 'failed';

/** What the journal knows of one position of one thread. */
export interface JournalRecord {
  readonly kind: 'effect' | 'read';
  readonly state: EffectState;
  readonly method: string;
  readonly path: string;
  readonly params: PveParams | StepParams;
  readonly answer?: unknown;
  readonly upid?: string;
  /** Milliseconds since the epoch, when the intent became durable. */
  readonly intent_at: number;
  /** How an effect in doubt was settled. */
  readonly settled_by?: string;
}
