import { z } from 'zod';
import { ACTIONS } from '../../actions/index.ts';
import { canonicalJson, sha256 } from '../../kernel/canonical.ts';
import { nearest } from '../../kernel/nearest.ts';
import { BASELINE_RULES, BASELINE_VERSION } from './baseline.ts';
import type { Scope } from './declaration.ts';
import type { CelScope, Expression } from './expression.ts';

const obligations = z.strictObject({
  second_factor: z.boolean().default(false),
  window: z.boolean().default(false),
  rehearsal: z.boolean().default(false),
  snapshot_first: z.boolean().default(false),
  post_review: z.boolean().default(false),
  change_record: z.boolean().default(false),
  /** Minutes. */
  cool_down: z.int().min(0).max(10_080, 'must be a week at most (10080 minutes)').default(0),
});

const names = ACTIONS.map(({ name }) => name);
const isAction = (name: string): boolean => names.includes(name);
function noAction(name: string): string {
  const hint = nearest(name, names);
  return `there is no action ${name}${hint === undefined ? '' : `; did you mean ${hint}?`}`;
}

export const ruleSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be lower-case letters, digits, dots, hyphens and underscores')
      .refine((id) => !/^(baseline|obligation|policy)\./.test(id), 'begins like a built-in rule; choose another name'),
    description: z.string().min(1),
    when: z.string().min(1),
    effect: z.enum(['allow', 'require_approval', 'deny'], 'must be allow, require_approval or deny'),
    why: z.string().min(1),
    approvals: z.int().min(1).max(10).optional(),
    roles: z
      .array(z.enum(['approver', 'admin'], 'must be approver or admin'))
      .min(1)
      .optional(),
    requester_may_approve: z.boolean().default(true),
    obligations: obligations.default(() => obligations.parse({})),
    environments: z.array(z.string().min(1)).min(1).optional(),
    actions: z
      .array(z.string().refine((name) => isAction(name), { error: ({ input }) => noAction(String(input)) }))
      .min(1)
      .optional(),
    overrides_baseline: z.literal(true, 'must be true, or be left out').optional(),
    overrides: z
      .array(
        z.string().refine((id) => id in BASELINE_RULES, {
          error: `is not a built-in rule; those are ${Object.keys(BASELINE_RULES).join(', ')}`,
        }),
      )
      .min(1)
      .optional(),
  })
  .superRefine(checkTogether);

export type Rule = z.output<typeof ruleSchema>;

/** What each field means only beside certain others. */
function checkTogether(rule: Rule, context: z.RefinementCtx): void {
  const wrong = (path: readonly string[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message });
  const { effect } = rule;
  if (effect !== 'require_approval') {
    const only = 'only makes sense with effect: require_approval';
    if (rule.approvals !== undefined) wrong(['approvals'], only);
    if (rule.roles !== undefined) wrong(['roles'], only);
    if (!rule.requester_may_approve) wrong(['requester_may_approve'], only);
    if (rule.obligations.second_factor) wrong(['obligations', 'second_factor'], only);
  }
  if (effect === 'deny' && Object.values(rule.obligations).some(Boolean))
    wrong(['obligations'], 'cannot be met by what is denied; leave them out');
  if (rule.overrides_baseline === true && effect !== 'allow')
    wrong(['overrides_baseline'], 'only makes sense with effect: allow');
  if (rule.overrides_baseline === true && rule.overrides === undefined)
    wrong(['overrides_baseline'], 'needs `overrides` with the names of the built-in rules that no longer hold');
  if (rule.overrides !== undefined && rule.overrides_baseline !== true)
    wrong(['overrides'], 'needs `overrides_baseline: true` beside it');
}

/** A rule that is ready to be asked. */
export interface CompiledRule extends Rule {
  readonly expression: Expression;
}

/** Rules with the text that stands for them. */
export interface RuleSet {
  readonly rules: readonly CompiledRule[];
  /** Canonical JSON: what the hash is of, and enough to make the same rules again. */
  readonly text: string;
  /** SHA-256 of the text, lowercase hex. */
  readonly hash: string;
  /** What an expression reads, as `Expression.evaluate` wants it; made once for all rules. */
  readonly celScope: (scope: Scope) => CelScope;
}

/** What turns the text of an expression into something that can be asked. */
export interface Compiler {
  /** `actions` are those whose parameters it may read. */
  readonly compileExpression: (text: string, actions?: readonly string[]) => Expression;
  readonly celScope: RuleSet['celScope'];
}

/** In the order of their ids, so that the order of files and of rules in them means nothing. */
export function ruleSetBy({ compileExpression, celScope }: Compiler, rules: readonly Rule[]): RuleSet {
  const sorted = [...rules].sort((a, b) => (a.id < b.id ? -1 : 1));
  const text = canonicalJson({ baseline: BASELINE_VERSION, rules: sorted });
  const compiled = sorted.map((rule) => ({ ...rule, expression: compileExpression(rule.when, rule.actions) }));
  return { rules: compiled, text, hash: sha256(text), celScope };
}

/** Who has no rules does not pay for the library, in time and memory. */
export const noRules = (): RuleSet =>
  ruleSetBy({ compileExpression: () => ({ evaluate: () => false, reads: [] }), celScope: () => ({}) }, []);

export const ruleSet = async (rules: readonly Rule[]): Promise<RuleSet> => ruleSetBy(await import('./cel.ts'), rules);

/** The rules of a stored version. They were checked when they came in. */
export async function ruleSetOf(text: string): Promise<RuleSet> {
  const { rules } = JSON.parse(text) as { rules: Rule[] };
  return { ...(await ruleSet(rules)), text, hash: sha256(text) };
}
