import type { Audit } from '../../record/index.ts';
import { addPolicyVersion, listPolicyVersions, type Actor, type Store } from '../../store/index.ts';
import type { Decision } from '../plan.ts';
import type { Scope } from './declaration.ts';
import { judgeBy, type Judgement } from './evaluate.ts';
import { policyFiles, readRules } from './read.ts';
import { ruleSet, type RuleSet } from './rules.ts';
import { wallClock } from './scope.ts';
import type { Policy, PolicyInput } from './types.ts';

export interface PolicyOptions {
  /** File or folder of rules; the built-in ones alone when left out. */
  readonly path?: string | undefined;
  /** Names that rules may use under `environments`. */
  readonly environments: readonly string[];
  /** IANA name of the lab's time zone; the machine's own when left out. */
  readonly timeZone?: string | undefined;
}

/** The policy in force: rules that can be read again while it is asked. */
export class PolicyBook implements Policy {
  readonly zone: string;
  readonly #options: PolicyOptions;
  readonly #clock: (at: number) => Scope['time'];
  #current: RuleSet;

  /** Errors: `POLICY_INVALID`. */
  constructor(options: PolicyOptions) {
    this.#options = options;
    this.zone = options.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.#clock = wallClock(this.zone);
    this.#current = this.read();
  }

  get current(): RuleSet {
    return this.#current;
  }

  get wants(): ReadonlySet<string> {
    return new Set(this.#current.rules.flatMap(({ expression }) => expression.reads));
  }

  evaluate(input: PolicyInput): Decision {
    return this.judge(input).decision;
  }

  /** The decision with how each rule stood to it; `by` another version than the current one. */
  judge(input: PolicyInput, by: RuleSet = this.#current): Judgement {
    return judgeBy(by, input, this.#clock);
  }

  /** The rules as they stand in the files now. Errors: `POLICY_INVALID`. */
  read(): RuleSet {
    const { path, environments } = this.#options;
    return path === undefined ? ruleSet([]) : readRules(policyFiles(path), environments);
  }

  use(rules: RuleSet): void {
    this.#current = rules;
  }
}

export interface BookDeps {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: { now(): number };
}

/**
 * Writes the version in force down where it is another than the last; answers whether it was. A lab that never had
 * rules has no versions.
 */
export async function recordPolicy({ store, audit, clock }: BookDeps, rules: RuleSet, actor: Actor): Promise<boolean> {
  const { hash, text } = rules;
  return store.commit(async (trx) => {
    const [before] = await listPolicyVersions(trx, 1);
    if (before === undefined && rules.rules.length === 0) return false;
    if (!(await addPolicyVersion(trx, { hash, rules: text, at: clock.now(), actor }))) return false;
    const payload = {
      hash,
      before: before?.hash ?? null,
      rules: rules.rules.map(({ id, effect }) => ({ id, effect })),
    };
    await audit.append(trx, { actor, event: 'policy.changed', payload });
    return true;
  });
}

/** Reads the files again and uses what is there, if it is whole. Errors: `POLICY_INVALID`; the former rules then stay. */
export async function reloadPolicy(book: PolicyBook, deps: BookDeps, actor: Actor): Promise<boolean> {
  const rules = book.read();
  const changed = await recordPolicy(deps, rules, actor);
  book.use(rules);
  return changed;
}
