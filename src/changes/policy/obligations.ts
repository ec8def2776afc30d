import type { PreparedRequest } from '../../operations/index.ts';
import type { Obligation } from '../plan.ts';
import type { Rule } from './rules.ts';
import type { DecidingRule } from './types.ts';

/** A rule that holds for some requests of a plan. */
export interface Match {
  readonly rule: Rule;
  readonly requests: readonly PreparedRequest[];
}

const WORDS: Readonly<Record<Exclude<Obligation['obligation'], 'roles' | 'cool_down'>, string>> = {
  other_approver: 'the approval of another person than the one who asked',
  second_factor: 'a fresh second factor with every approval',
  window: 'an open change window when it is applied',
  rehearsal: 'a rehearsal that went well',
  snapshot_first: 'a snapshot of each guest before it is changed',
  change_record: 'a change record',
  post_review: 'a change record, whose review is completed afterwards',
};

/** What several rules ask for together: the strictest of each. */
export function uniteObligations(rules: readonly Rule[]): Obligation[] {
  const out: Obligation[] = [];
  const of = (asks: (rule: Rule) => boolean): string[] => rules.filter(asks).map(({ id }) => id);
  const add = (obligation: keyof typeof WORDS, ids: readonly string[]): void => {
    if (ids.length > 0) out.push({ obligation, text: WORDS[obligation], rules: ids });
  };
  const withRoles = of(({ roles }) => roles !== undefined);
  if (withRoles.length > 0) {
    const roles = [...new Set(rules.flatMap((rule) => rule.roles ?? []))].sort();
    const text = `among those who approve, ${roles.map((role) => `one with the role ${role}`).join(' and ')}`;
    out.push({ obligation: 'roles', text, rules: withRoles, roles });
  }
  add(
    'other_approver',
    of((rule) => !rule.requester_may_approve),
  );
  const minutes = Math.max(0, ...rules.map(({ obligations }) => obligations.cool_down));
  if (minutes > 0) {
    const text = `${minutes} minute${minutes === 1 ? '' : 's'} between planning it and approving or applying it`;
    out.push({ obligation: 'cool_down', text, rules: of(({ obligations }) => obligations.cool_down > 0), minutes });
  }
  for (const name of [
    'second_factor',
    'window',
    'rehearsal',
    'snapshot_first',
    'change_record',
    'post_review',
  ] as const)
    add(
      name,
      of(({ obligations }) => obligations[name]),
    );
  return out;
}

/** Obligations that the plan itself breaks, as rules that deny and say how to make one that does not. */
export function brokenBy(
  matches: readonly Match[],
  plan: { readonly requests: readonly PreparedRequest[]; readonly change_id: string | null },
): DecidingRule[] {
  const denials: DecidingRule[] = [];
  const bare = new Set(
    matches
      .filter(({ rule }) => rule.obligations.snapshot_first)
      .flatMap(({ requests }) => requests.filter((request) => !hasSnapshotBefore(request, plan.requests)))
      .map(({ id, input }) => `${input.target.text} (action ${id})`),
  );
  if (bare.size > 0)
    denials.push({
      id: 'obligation.snapshot_first',
      effect: 'deny',
      why: `the policy asks for a snapshot first and the plan has none before it changes ${[...bare].join(', ')}; plan both together with POST /v1/plans (CLI: plan --file): {"id":"snap","action":"snapshot.create","target":"…","params":{"name":"…"}}, and "after":["snap"] on the change`,
    });
  const recorded = matches.filter(({ rule: { obligations } }) => obligations.change_record || obligations.post_review);
  if (recorded.length > 0 && plan.change_id === null)
    denials.push({
      id: 'obligation.change_record',
      effect: 'deny',
      why: `the policy asks for a change record (rule ${recorded[0]?.rule.id}) and the plan names none; plan it with change_id (CLI: --change), such as CC-001`,
    });
  return denials;
}

/** Whether a request that changes an existing guest waits, at any remove, for a snapshot of that guest. */
function hasSnapshotBefore(request: PreparedRequest, all: readonly PreparedRequest[]): boolean {
  const { action, input } = request;
  const { kind, text } = input.target;
  const changesGuest = (kind === 'vm' || kind === 'ct') && action.risk.base !== 'low' && action.newGuest === undefined;
  if (!changesGuest || action.name === 'snapshot.create') return true;
  const byId = new Map(all.map((one) => [one.id, one]));
  const seen = new Set<string>();
  const queue = [...request.after];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const earlier = byId.get(id);
    if (earlier?.action.name === 'snapshot.create' && earlier.input.target.text === text) return true;
    queue.push(...(earlier?.after ?? []));
  }
  return false;
}
