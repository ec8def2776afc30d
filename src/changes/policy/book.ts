import type { Audit } from '../../record/index.ts';
import { addPolicyVersion, listPolicyVersions, type Actor, type Store } from '../../store/index.ts';
import type { Decision } from '../plan.ts';
import type { Scope } from './declaration.ts';
import { judgeBy, type Judgement } from './evaluate.ts';
import { policyFiles, readRules } from './read.ts';
import { noRules, type RuleSet } from './rules.ts';
import { ownZone, wallClock } from './scope.ts';
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
  readonly #options: PolicyOptions;
  readonly #clock: (at: number) => Scope['time'];
  #current: RuleSet;

  private constructor(options: PolicyOptions, rules: RuleSet) {
    this.#options = options;
    this.#clock = wallClock(options.timeZone);
    this.#current = rules;
  }

  /** Errors: `POLICY_INVALID`. */
  static async open(options: PolicyOptions): Promise<PolicyBook> {
    return new PolicyBook(options, await readAll(options));
  }

  get current(): RuleSet {
    return this.#current;
  }

  /** IANA name of the zone that rules read the time in. */
  get zone(): string {
    return this.#options.timeZone ?? ownZone();
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
  read(): Promise<RuleSet> {
    return readAll(this.#options);
  }

  use(rules: RuleSet): void {
    this.#current = rules;
  }
}

const readAll = async ({ path, environments }: PolicyOptions): Promise<RuleSet> =>
  path === undefined ? noRules() : readRules(policyFiles(path), environments);

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
  const rules = await book.read();
  const changed = await recordPolicy(deps, rules, actor);
  book.use(rules);
  return changed;
}
