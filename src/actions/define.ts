import type { z } from 'zod';
import type { PveParams } from '../proxmox/types.ts';

/**
 * The contract of an action. An action is one file; it declares, in this order: names and target, schema, risk,
 * permissions, preflight, steps, verification, docs. It talks to PVE only through `ctx`, so the same code runs on the
 * twin (rehearsal), on live PVE (apply) and again from the journal (resume after a crash).
 */
export type RiskLevel = 'low' | 'medium' | 'high';

/** What a target text such as `vm/103` names. */
export interface Target {
  readonly kind: 'vm' | 'ct' | 'node' | 'storage' | 'cluster';
  /** `103` of `vm/103`, `pve1` of `node/pve1`. */
  readonly id: string;
  /** The text as it stands in plans: `vm/103`. */
  readonly text: string;
  /** For guests: the number. 0 for other kinds. */
  readonly vmid: number;
  /** For guests and nodes: the node where it is. Empty for storages and the cluster. */
  readonly node: string;
}

export interface Check {
  readonly check: string;
  readonly result: 'pass' | 'warn' | 'fail';
  readonly detail: string;
}

/** How an effect is taken back when a later one fails. */
export type Undo =
  | {
      readonly kind: 'effect';
      readonly effect: UndoEffect;
    }
  /** Gone by itself when the effect with this title is undone (a disk of a guest that is removed). */
  | { readonly kind: 'with'; readonly title: string }
  /** Nothing needs to be taken back; says why. */
  | { readonly kind: 'none'; readonly why: string }
  /** Cannot be taken back; shown before approval; says why. */
  | { readonly kind: 'irreversible'; readonly why: string };

export interface Call {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly params?: PveParams;
}

interface EffectBase extends Call {
  /** What a person reads in the plan: "Clone template 9000 to vm/120". */
  readonly title: string;
  /** Type of the PVE task that the call starts (`qmclone`); absent for a call that is done when it answers. */
  readonly task?: string;
  /** `id` in the task's UPID; the number in the path (`/qemu/103/`) when absent. */
  readonly taskId?: string;
  /**
   * Parameters whose value is known only while running, each with where it comes from; plan and apply compare the
   * origin instead of the value.
   */
  readonly runtime?: Readonly<Record<string, string>>;
  /**
   * Run-time parameters once more, after a lock was waited for: setting and clearing a lock changes a guest's digest.
   */
  readonly refresh?: (read: Read) => Promise<PveParams>;
  /**
   * Evidence for an effect whose answer was lost: reads live state and says whether the effect took place. Called only
   * when no task of it was found (`started` false), or when its task was lost on the way (`started` true: PVE did
   * accept the call).
   */
  readonly settled: (read: Read, started: boolean) => Promise<boolean>;
  /** Whether sending again is harmless when the evidence says it did not take place. Else a person decides. */
  readonly resend: 'safe' | 'ask';
  /** The answer of a rejected call or failed task that means "already so": it counts as done. */
  readonly already?: RegExp;
  /**
   * The id (`ctx.mark()`) under which a host runs the command once and remembers it: what became of a command whose
   * answer was lost is asked of the host itself, and sending it again under the same id never runs it again.
   */
  readonly marked?: { readonly node: string; readonly id: string };
  /** Whether stopping the PVE task leaves the guest whole, so that cancel may do it. */
  readonly stoppable?: boolean;
}

export interface Effect extends EffectBase {
  readonly undo: Undo;
  /** A guest that this effect brings into being: its identity is kept, and undo removes no other. */
  readonly creates?: { readonly vmid: number; readonly node: string };
  /** The storage that the effect copies onto; how many do so at a time is limited. */
  readonly storage?: string;
  /** The template whose lock PVE holds while the task runs; such effects on one template are serialised. */
  readonly template?: string;
}

export interface UndoEffect extends EffectBase {
  /** Remove only if the guest is still the one that this operation created. */
  readonly onlyOwned?: { readonly vmid: number; readonly node: string };
}

export type Read = (path: string, params?: PveParams) => Promise<unknown>;

export interface EffectOutcome {
  /** `data` of the answer. */
  readonly data: unknown;
  /** The task's exit status, `OK` for a call without a task. */
  readonly exitstatus: string;
}

export interface ActionContext {
  /** Reads PVE. Recorded, so that after a crash the code sees what it saw. */
  readonly read: Read;
  /** The same, but a thing that does not exist is `undefined` instead of an error. */
  readonly find: Read;
  /** The only way to change anything. Order depends only on the inputs and on earlier answers. */
  effect(effect: Effect): Promise<EffectOutcome>;
  /** An id for the effect that comes next: of this operation and no other, and the same again after a crash. */
  mark(): string;
  /**
   * Repeats `probe` until it gives a value. `every` and `timeout` in seconds. Throws `PVE_TASK_FAILED` with `title`
   * when the time is over.
   */
  waitUntil<T>(
    title: string,
    probe: (read: Read) => Promise<T | undefined>,
    options: { readonly every: number; readonly timeout: number },
  ): Promise<T>;
}

/** What an action gets to see of its request. */
export interface ActionInput<P> {
  readonly target: Target;
  readonly params: P;
  /** The reserved VMID of an action with `newGuest`, else 0. */
  readonly newid: number;
}

export interface Permission {
  readonly path: string;
  readonly privilege: string;
}

export interface ActionDefinition<S extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly title: string;
  /** Names that older clients use; accepted wherever `name` is. */
  readonly aliases?: readonly string[];
  readonly target: Target['kind'];
  /** A zod object; every field has a description; secrets are made with `secretText`. */
  readonly params: S;
  readonly risk: {
    readonly base: RiskLevel;
    readonly why: string;
    /** Needs a person's approval even where its level alone would not. */
    readonly approval?: 'always';
  };
  /** The parameter that names the VMID of a guest to be made; reserved at plan time when left out. */
  readonly newGuest?: 'newid';
  permissions(input: ActionInput<z.output<S>>): readonly Permission[];
  /** Reads only. A `fail` ends the plan before any step is rehearsed. */
  preflight(ctx: Pick<ActionContext, 'read' | 'find'>, input: ActionInput<z.output<S>>): Promise<readonly Check[]>;
  run(ctx: ActionContext, input: ActionInput<z.output<S>>): Promise<Readonly<Record<string, unknown>>>;
  /** Postconditions, read from live PVE after the last effect. */
  verify(ctx: Pick<ActionContext, 'read' | 'find'>, input: ActionInput<z.output<S>>): Promise<readonly Check[]>;
  readonly docs: {
    readonly summary: string;
    /** An input that works in the example lab; docs, snapshots and the contract suite use it. */
    readonly example: { readonly target: string; readonly params: z.input<S> };
  };
}

/** Gives the definition its types; the catalogue is generated from the files that call it. */
export function defineAction<S extends z.ZodType>(definition: ActionDefinition<S>): ActionDefinition<S> {
  return definition;
}

/** An action whose parameter type nobody needs to know any more. Inputs are parsed by its own schema first. */
export type AnyAction = ActionDefinition<z.ZodType<any>>; // oxlint-disable-line typescript/no-explicit-any -- existential: each action's own schema makes the value that its functions get
