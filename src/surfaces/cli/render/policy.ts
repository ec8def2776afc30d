import { hanging, type Style } from './text.ts';
import { count, instant, who } from './values.ts';

interface View {
  readonly width: number;
  readonly style: Style;
}

interface DecidingRow {
  readonly id: string;
  readonly why: string;
}

export interface PolicyRow {
  readonly hash: string;
  readonly time_zone?: string;
  readonly rules: readonly {
    readonly id: string;
    readonly description: string;
    readonly effect: string;
    readonly when: string;
    readonly environments?: readonly string[];
    readonly actions?: readonly string[];
  }[];
  readonly baseline?: readonly DecidingRow[];
  readonly environments?: readonly {
    readonly name: string;
    readonly production: boolean;
    readonly strictness: string;
  }[];
  readonly versions?: readonly { readonly hash: string; readonly at: string; readonly by: unknown }[];
}

/** The rules in force, the built-in ones, and when they last changed. */
export function policyLines(policy: PolicyRow, { width, style }: View): string[] {
  const { hash, time_zone, rules, baseline = [], environments = [], versions = [] } = policy;
  return [
    `${style.bold('Policy')} ${hash.slice(0, 12)}  ${count(rules.length, 'rule')}${time_zone === undefined ? '' : `, times in ${time_zone}`}`,
    ...rules.flatMap(({ id, effect, description, when, environments: only, actions }) => [
      ...hanging(`  ${style.bold(id)}  `, `${effect.replaceAll('_', ' ')}: ${description}`, width, 4),
      ...hanging('      when ', when.trim().replaceAll(/\s+/g, ' '), width),
      ...(actions === undefined ? [] : hanging('      of ', actions.join(', '), width)),
      ...(only === undefined ? [] : [`      in ${only.join(', ')}`]),
    ]),
    '',
    style.bold('Built in'),
    ...baseline.flatMap(({ id, why }) => hanging(`  ${id}  `, why, width, 4)),
    ...environments.map(
      ({ name, production, strictness }) => `  ${name}: ${strictness}${production ? ', in production' : ''}`,
    ),
    ...(versions.length === 0 ? [] : ['', style.bold('Versions')]),
    ...versions.map(({ hash: one, at, by }) => `  ${one.slice(0, 12)}  ${instant(at)}  by ${who(by)}`),
  ];
}

export interface ExplanationRow {
  readonly decision: {
    readonly outcome: string;
    readonly approvals_required?: number;
    readonly rules: readonly DecidingRow[];
    readonly obligations?: readonly { readonly text: string; readonly rules: readonly string[] }[];
  };
  readonly policy: { readonly hash: string | null; readonly in_force: boolean; readonly at: string };
  readonly rules: readonly { readonly result: string; readonly words: string }[];
  readonly now: { readonly outcome: string; readonly rules: readonly DecidingRow[] };
  /** The change window, where one is asked for. */
  readonly window?: { readonly open: boolean; readonly why: string; readonly next: string | null };
}

const MARKS: Readonly<Record<string, string>> = { matched: '+', failed: '!', elsewhere: ' ', 'not matched': '-' };

/** Why it was decided so: what decided, then every rule with what it read. */
export function explanationLines(explanation: ExplanationRow, { width, style }: View): string[] {
  const { decision, policy, rules, now, window } = explanation;
  const version = policy.hash === null ? 'the built-in rules' : `policy ${policy.hash.slice(0, 12)}`;
  const still = policy.in_force || policy.hash === null ? '' : ', which is not in force any more';
  return [
    `${style.bold('Decision')}  ${decision.outcome.replaceAll('_', ' ')}, by ${version} at ${instant(policy.at)}${still}`,
    ...decision.rules.flatMap(({ id, why }) => hanging('  ', `${why} (rule ${id})`, width, 4)),
    ...(decision.obligations ?? []).flatMap(({ text, rules: by }) =>
      hanging('  ', `with it: ${text} (rule ${by.join(', ')})`, width, 4),
    ),
    ...(rules.length === 0 ? [] : ['', style.bold('Rules')]),
    ...rules.flatMap(({ result, words }) => hanging(`  ${MARKS[result] ?? '?'} `, words, width, 6)),
    '',
    `${style.bold('Asked now')}  ${now.outcome.replaceAll('_', ' ')}`,
    ...now.rules.flatMap(({ id, why }) => hanging('  ', `${why} (rule ${id})`, width, 4)),
    ...(window === undefined ? [] : hanging(`${style.bold('Window')}  `, windowWords(window), width, 4)),
  ];
}

const windowWords = ({ open, why, next }: NonNullable<ExplanationRow['window']>): string =>
  `${why}${open ? '' : next === null ? '; none is planned' : `; the next one opens at ${instant(next)}`}`;
