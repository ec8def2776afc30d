import { describe, expect, it } from 'vitest';
import { CHANGE_STATUSES } from '../src/changes/index.ts';
import { CHANGE_TRANSITIONS } from '../src/changes/records/status.ts';
import type { Change, ChangeStatus, Criterion } from '../web/src/api/change_types.ts';
import type { Me } from '../web/src/api/types.ts';
import { mayNotDecide, whyNotApprove, whyNotCheck, whyNotJudge, whyNotMove } from '../web/src/pages/changes/may.ts';

/** What the page says of buttons, compared with what the server lets happen. */
const OWNER: Me = { id: 'u1', name: 'ada', role: 'admin', class: 'human', environments: null };
const OPEN: Criterion = { n: 1, text: 'it works', result: 'open' };
const PASSED: Criterion = { ...OPEN, result: 'passed' };
const approval = (id: string, holds: boolean): Change['approvals'][number] => ({
  by: { id },
  at: 0,
  comment: '',
  method: 'token',
  holds,
});
const change = (more: Partial<Change> = {}): Change => ({
  id: 'CC-001',
  status: 'planned',
  status_note: '',
  category: 'normal',
  digest: '',
  created_at: 0,
  updated_at: 0,
  created_by: 'ada',
  title: 'x',
  date: '',
  phase: '',
  requested_by: '',
  role: '',
  summary: '',
  scope: { in: [], out: [] },
  risk: { level: 'low', identified: [], mitigations: [] },
  impact: [],
  downtime: '',
  rollback: [],
  validation: [PASSED],
  notes: '',
  more: [],
  environments: [],
  runbooks: [],
  plans: [],
  approvals: [approval('u2', true)],
  evidence: [],
  history: [],
  ...more,
});

describe('where a change may go', () => {
  const pairs = CHANGE_STATUSES.flatMap((from) =>
    CHANGE_STATUSES.map((to): [ChangeStatus, ChangeStatus] => [from, to]),
  );
  // An approval makes a planned change approved; there is no button that only says so.
  it.each(pairs.filter(([from, to]) => !(from === 'planned' && to === 'approved')))('%s to %s', (from, to) => {
    const why = whyNotMove(OWNER, change({ status: from }), to, 'because');
    expect(why === undefined).toBe(CHANGE_TRANSITIONS[from].includes(to));
  });

  it.each([
    ['in_progress', change({ approvals: [approval('u2', false)] }), '', /is approved before it begins/],
    ['approved', change({ status: 'paused', approvals: [] }), '', /Nobody has approved/],
    ['completed', change({ status: 'in_progress', validation: [OPEN, PASSED] }), '', /1 of 2 criteria/],
    ['paused', change(), ' ', /Say why/],
  ] as const)('not %s where something is missing', (to, given, note, words) => {
    expect(whyNotMove(OWNER, given, to, note)).toMatch(words);
  });

  it('an emergency begins without an approval', () => {
    expect(whyNotMove(OWNER, change({ category: 'emergency', approvals: [] }), 'in_progress', '')).toBeUndefined();
  });
});

describe('who may', () => {
  const agent: Me = { ...OWNER, class: 'agent' };
  const narrow: Me = { ...OWNER, environments: ['home', 'cloud'], grants: { home: 'approver', cloud: 'operator' } };

  it('an agent works on a change and says nothing of it', () => {
    expect(whyNotMove(agent, change(), 'paused', 'x')).toBeUndefined();
    for (const why of [
      whyNotApprove(agent, change()),
      whyNotJudge(agent, change()),
      whyNotMove(agent, change(), 'in_progress', ''),
      whyNotMove(agent, change(), 'rejected', 'x'),
    ])
      expect(why).toMatch(/Only a person/);
  });

  it('a role has to be held wherever the change touches', () => {
    expect(mayNotDecide(narrow, change({ environments: ['home'] }))).toBeUndefined();
    expect(mayNotDecide(narrow, change({ environments: ['home', 'cloud'] }))).toMatch(/operator/);
    expect(mayNotDecide(narrow, change())).toMatch(/all environments/);
    const mixed: Me = { ...OWNER, grants: { '*': 'admin', home: 'viewer' } };
    expect(mayNotDecide(mixed, change())).toMatch(/viewer/);
  });

  it('nobody approves twice, or what is under way or over', () => {
    expect(whyNotApprove(OWNER, change())).toBeUndefined();
    expect(whyNotApprove(OWNER, change({ approvals: [approval('u1', true)] }))).toMatch(/You have approved/);
    expect(whyNotApprove(OWNER, change({ approvals: [approval('u1', false)] }))).toBeUndefined();
    for (const status of ['in_progress', 'completed', 'rejected'] as const)
      expect(whyNotApprove(OWNER, change({ status }))).toMatch(/nothing to approve/);
  });

  it('checks are run where there are some', () => {
    expect(whyNotCheck(OWNER, change())).toMatch(/No criterion has a check/);
    expect(whyNotCheck(OWNER, change({ validation: [{ ...OPEN, check: { kind: 'plan' } }] }))).toBeUndefined();
    expect(whyNotCheck(OWNER, change({ status: 'completed' }))).toMatch(/is completed/);
  });
});
