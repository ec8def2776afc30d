import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Case } from '../../../test/contract/cases.ts';
import { agent, person, type Harness } from '../../../test/support/harness.ts';
import { isAgentError } from '../../kernel/errors.ts';
import { getChangeRecord, listApprovals, updateChangeRecord, type JsonObject } from '../../store/index.ts';
import type { Principal } from '../../identity/index.ts';
import {
  addEvidence,
  approveChange,
  changeMetrics,
  createChange,
  exportChange,
  importChange,
  judgeCriterion,
  listChanges,
  remindOfReviews,
  reviewChange,
  runChecks,
  setStatus,
  updateChange,
  viewChange,
} from './index.ts';
import { CHANGE_STATUSES, type ChangeStatus } from './model.ts';
import { recordOf } from './record.ts';
import { CHANGE_TRANSITIONS, REVIEW_MS } from './status.ts';

const SEEDS = join(import.meta.dirname, '../../../../shared/seeds');
const CC001 = readFileSync(join(SEEDS, readdirSync(SEEDS).find((name) => name.startsWith('000_')) ?? ''), 'utf8');
const START = { action: 'vm.start', target: 'vm/301' };

let one: Case;
let life: Harness;
beforeEach(() => {
  one = new Case();
  life = one.life();
});
afterEach(async () => {
  await life.close();
  one.close();
});

type View = Record<string, unknown> & { id: string; digest: string; status: ChangeStatus };
const view = (made: Record<string, unknown>): View => made as View;
const make = async (content: object = {}, more: object = {}): Promise<View> =>
  view(await createChange(life.changes, { content: { title: 'Move DNS', ...content }, ...more }, person));
const approved = async (id: string, by: Principal = person): Promise<View> => {
  const { digest } = view(await viewChange(life.changes, id, by));
  return view(await approveChange(life.changes, id, { digest, comment: 'go' }, by));
};
const to = async (id: string, status: ChangeStatus, note = 'because', by: Principal = person): Promise<View> =>
  view(await setStatus(life.changes, id, { status, note }, by));
const refused = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'not refused',
    (error: unknown) => {
      if (!isAgentError(error)) throw error;
      return `${error.code}: ${error.message}`;
    },
  );
/** One of environments that this lab may not have any more. */
async function touching(environments: readonly string[], more: object = {}): Promise<View> {
  const { id } = await make({}, more);
  const row = await getChangeRecord(life.store, id);
  const { content } = recordOf(row);
  const body = { ...row.body, content: { ...content, environments } as object as JsonObject };
  await life.store.commit((trx) => updateChangeRecord(trx, id, { ...row, body }));
  return view(await viewChange(life.changes, id, person));
}
/** Plans and approves START for a change, ready to be applied. */
async function planFor(change_id: string): Promise<Record<string, unknown>> {
  return life.plan({ environment: 'home', ...START, change_id });
}

describe('CC-001', () => {
  it('is taken whole, paused with its reason, and given back with the same content', async () => {
    const taken = view(await importChange(life.changes, CC001, person));
    expect(taken).toMatchObject({
      id: 'CC-001',
      status: 'paused',
      status_note: 'Intentional checkpoint for documentation & review',
      category: 'normal',
      validation: [{ n: 1, result: 'open' }, { n: 2 }, { n: 3 }, { n: 4 }],
    });
    const written = await exportChange(life.changes, 'CC-001', person);
    const [, , body = ''] = written.split(/^---\n/m);
    const visible = (text: string): string[] =>
      text
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean);
    expect(visible(written.slice(written.indexOf('## CC-001')))).toEqual(visible(CC001));
    expect(body).not.toBe('');
    // And what was given back is taken again elsewhere as the same.
    const other = new Case();
    const elsewhere = other.life();
    const again = view(await importChange(elsewhere.changes, written, person));
    expect(again).toMatchObject({ digest: taken.digest, status: 'paused', status_note: taken['status_note'] });
    await elsewhere.close();
    other.close();
  });

  it('takes its number once, and the next change gets the next', async () => {
    await importChange(life.changes, CC001, person);
    expect(await refused(importChange(life.changes, CC001, person))).toBe(
      'CHANGE_STATE: There is a change CC-001 already.',
    );
    expect((await make()).id).toBe('CC-002');
    expect((await listChanges(life.changes, { limit: 10 }, person)).map(({ id }) => id)).toEqual(['CC-002', 'CC-001']);
  });

  it('cannot say of itself that it was approved, done or allowed beforehand', async () => {
    const claimed = `---\nid: CC-009\ncategory: standard\napprovals: [{ by: somebody }]\n---\n## CC-009 — x\n\n### Status\n☑ Approved (by all)\n`;
    const taken = await importChange(life.changes, claimed, agent);
    expect(taken).toMatchObject({ status: 'planned', category: 'normal', approvals: [] });
    expect(taken['status_note']).toBe(
      'the document says "approved"; the document says "standard"; a rule has to allow its plans for that; by all',
    );
  });
});

describe('a change', () => {
  it('goes from the board’s yes over its plans to its completion', async () => {
    const { id } = await make({
      environments: ['home'],
      validation: [
        { text: 'it was applied', check: { kind: 'plan' } },
        { text: 'web runs', check: { kind: 'guest', environment: 'home', target: 'vm/301', status: 'running' } },
        { text: 'people are happy' },
      ],
    });
    const plan = await planFor(id);
    expect(await refused(life.begin(plan))).toBe(
      `CHANGE_STATE: ${id} is planned; a normal change is approved before its plans are applied.`,
    );
    expect(await approved(id)).toMatchObject({ status: 'approved', approvals: [{ holds: true, comment: 'go' }] });
    await life.end(await life.begin(plan));
    expect(await viewChange(life.changes, id, person)).toMatchObject({
      status: 'in_progress',
      plans: [{ plan_id: plan['plan_id'], state: 'applied' }],
    });
    expect(await refused(to(id, 'completed'))).toMatch(/^CHANGE_STATE: .* 3 of 3 criteria have not passed/);
    expect(await runChecks(life.changes, id, person)).toMatchObject({
      validation: [
        { result: 'passed', how: 'check', evidence: '1 plan(s) applied and verified' },
        { result: 'passed', evidence: 'vm/301 (staging-web) is running' },
        { result: 'open' },
      ],
    });
    await judgeCriterion(life.changes, id, { n: 3, result: 'passed', evidence: 'asked them' }, person);
    expect(await to(id, 'completed')).toMatchObject({ status: 'completed' });
    const history = view(await viewChange(life.changes, id, person))['history'] as { status: string }[];
    expect(history.map(({ status }) => status)).toEqual(['planned', 'approved', 'in_progress', 'completed']);
  });

  it('loses its approval when it is rewritten', async () => {
    const { id } = await make();
    const { digest } = await approved(id);
    expect(await updateChange(life.changes, id, { content: { summary: 'more' }, digest }, person)).toMatchObject({
      status: 'planned',
      status_note: 'it was rewritten after its approval',
      approvals: [{ holds: false }],
    });
    expect(await refused(to(id, 'in_progress'))).toMatch(/a normal change is approved before it begins/);
    expect(await refused(updateChange(life.changes, id, { content: {}, digest }, person))).toMatch(
      /was changed meanwhile/,
    );
  });

  it('paused begins nothing, and says why it is paused', async () => {
    const { id } = await make();
    await approved(id);
    expect(await refused(to(id, 'paused', ' '))).toMatch(/^VALIDATION_FAILED: Say why/);
    await to(id, 'paused', 'waiting for parts');
    expect(await refused(life.begin(await planFor(id)))).toBe(
      `CHANGE_STATE: ${id} is paused; its plans are not applied.`,
    );
    expect(await viewChange(life.changes, id, person)).toMatchObject({ status_note: 'waiting for parts' });
    expect(await to(id, 'approved')).toMatchObject({ status: 'approved' });
  });

  it('is no agent’s to approve, judge, complete or review', async () => {
    const { id, digest } = await make({ validation: [{ text: 'x' }] });
    const tries = [
      approveChange(life.changes, id, { digest }, agent),
      judgeCriterion(life.changes, id, { n: 1, result: 'passed', evidence: '' }, agent),
      reviewChange(life.changes, id, 'fine', agent),
      ...(['approved', 'in_progress', 'completed', 'rolled_back', 'rejected'] as const).map((status) =>
        to(id, status, 'because', agent),
      ),
    ];
    for (const one of tries) expect(await refused(one)).toMatch(/^APPROVAL_FORBIDDEN/);
    expect(await viewChange(life.changes, id, person)).toMatchObject({ status: 'planned', approvals: [] });
  });

  it('is nobody’s without the role in every environment that it touches', async () => {
    const narrow: Principal = { ...person, id: 'p2', environments: ['cloud'] };
    const { id, digest } = await touching(['home', 'cloud']);
    for (const work of [
      updateChange(life.changes, id, { content: { title: 'mine' } }, narrow),
      approveChange(life.changes, id, { digest }, narrow),
      setStatus(life.changes, id, { status: 'paused', note: 'x' }, narrow),
      createChange(life.changes, { content: { title: 'everywhere' } }, narrow),
      createChange(life.changes, { content: { title: 'there', environments: ['home'] } }, narrow),
    ])
      expect(await refused(work)).toMatch(/^FORBIDDEN/);
  });

  it('is standard only where a rule has allowed its plans, and may always be raised', async () => {
    const { id } = await make();
    expect(await refused(updateChange(life.changes, id, { category: 'standard', content: {} }, person))).toMatch(
      /^FORBIDDEN/,
    );
    // What the built-in rules let a person do is no rule of the policy, however little it touches.
    await planFor(id);
    expect(await refused(updateChange(life.changes, id, { category: 'standard', content: {} }, person))).toMatch(
      /^FORBIDDEN: .* is not among what a rule allows \(the risk is medium/,
    );
    expect(await updateChange(life.changes, id, { category: 'emergency', content: {} }, person)).toMatchObject({
      category: 'emergency',
    });
    for (const category of ['standard', 'normal'] as const)
      expect(await refused(updateChange(life.changes, id, { category, content: {} }, person))).toMatch(/^FORBIDDEN/);
  });

  it('keeps a word on a criterion only for the words that it was about', async () => {
    const { id } = await make({ validation: [{ text: 'it works' }] });
    await judgeCriterion(life.changes, id, { n: 1, result: 'passed', evidence: 'seen' }, person);
    expect(
      await updateChange(life.changes, id, { content: { validation: [{ text: 'it works well' }] } }, person),
    ).toMatchObject({ validation: [{ result: 'open' }] });
    expect(await refused(judgeCriterion(life.changes, id, { n: 2, result: 'passed', evidence: '' }, person))).toBe(
      `NOT_FOUND: ${id} has no criterion 2.`,
    );
  });

  it('says what a check found that did not pass', async () => {
    const { id } = await make({
      validation: [
        { text: 'planned', check: { kind: 'plan' } },
        { text: 'port', check: { kind: 'tcp', host: '127.0.0.1', port: 1 } },
        { text: 'gone', check: { kind: 'guest', environment: 'home', target: 'vm/799', status: 'running' } },
      ],
    });
    expect(await runChecks(life.changes, id, person)).toMatchObject({
      validation: [
        { result: 'failed', evidence: 'it has no plans' },
        { result: 'failed', evidence: '127.0.0.1:1: ECONNREFUSED' },
        { result: 'failed', evidence: 'vm/799 is not there' },
      ],
    });
  });
});

describe('an emergency', () => {
  it('runs now, and is reviewed afterwards, within days, with a reminder a day', async () => {
    const { id } = await make({}, { category: 'emergency' });
    const plan = await planFor(id);
    await life.end(await life.begin(plan));
    expect(await listApprovals(life.store, String(plan['plan_id']), String(plan['plan_hash']))).toEqual([]);
    expect(await to(id, 'completed')).toMatchObject({ review: { overdue: false } });
    const overdue = async (): Promise<number> => {
      await remindOfReviews(life.changes);
      const events = await life.store.db
        .selectFrom('events')
        .select('type')
        .where('type', '=', 'change.review.overdue')
        .execute();
      return events.length;
    };
    expect(await overdue()).toBe(0);
    one.simulator.advance(REVIEW_MS + 1_000);
    expect(await overdue()).toBe(1);
    expect(await overdue()).toBe(1);
    one.simulator.advance(86_400_000);
    expect(await overdue()).toBe(2);
    expect(await viewChange(life.changes, id, person)).toMatchObject({ review: { overdue: true } });
    expect(await changeMetrics(life.changes, person)).toMatchObject({
      emergency_share: 1,
      failure_rate: 0,
      reviews_overdue: 1,
    });
    await reviewChange(life.changes, id, 'a disk was full; alarms are set now', person);
    expect(await changeMetrics(life.changes, person)).toMatchObject({
      reviews_overdue: 0,
      time_to_restore_seconds: expect.any(Number) as number,
    });
    one.simulator.advance(2 * 86_400_000);
    expect(await overdue()).toBe(2);
  });
});

describe('the states', () => {
  it('are left and entered only as the table says, whatever is tried', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...CHANGE_STATUSES), { maxLength: 6 }),
        fc.boolean(),
        async (wanted, board) => {
          const { id } = await make();
          if (board) await approved(id);
          for (const status of wanted) {
            const before = view(await viewChange(life.changes, id, person));
            const answer = await refused(to(id, status));
            const after = view(await viewChange(life.changes, id, person));
            if (answer === 'not refused') {
              expect(CHANGE_TRANSITIONS[before.status]).toContain(status);
              expect(after.status).toBe(status);
            } else expect(after.status).toBe(before.status);
            // Never in progress or done without the board's yes.
            if (['in_progress', 'completed', 'approved'].includes(after.status)) expect(board).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('a change of environments that a caller has no rights in', () => {
  const narrow: Principal = { ...person, id: 'p2', environments: ['cloud'] };

  it('is not there for that caller, in lists, figures and by its number', async () => {
    const [hidden, shared, open] = [
      await touching(['home'], { category: 'emergency' }),
      await touching(['home', 'cloud']),
      await make(),
    ];
    const nothing = `NOT_FOUND: There is no change record ${hidden.id}.`;
    const tries = [
      viewChange(life.changes, hidden.id, narrow),
      exportChange(life.changes, hidden.id, narrow),
      addEvidence(life.changes, hidden.id, 'x', narrow),
      updateChange(life.changes, hidden.id, { content: { title: 'mine' } }, narrow),
      approveChange(life.changes, hidden.id, { digest: hidden.digest }, narrow),
      setStatus(life.changes, hidden.id, { status: 'paused', note: 'x' }, narrow),
      runChecks(life.changes, hidden.id, narrow),
    ];
    expect(await Promise.all(tries.map(refused))).toEqual(tries.map(() => nothing));
    expect(await refused(viewChange(life.changes, 'CC-999', narrow))).toBe(nothing.replace(hidden.id, 'CC-999'));
    const seen = await listChanges(life.changes, { limit: 10 }, narrow);
    expect(seen.map(({ id }) => id)).toEqual([open.id, shared.id]);
    expect(await changeMetrics(life.changes, narrow)).toMatchObject({ total: 2, emergency_share: 0 });
  });

  it('fills a page with what the caller may see', async () => {
    for (const environments of [['cloud'], ['home'], ['home'], ['cloud'], ['cloud']]) await touching(environments);
    const page = async (before?: number): Promise<unknown[]> =>
      (await listChanges(life.changes, { limit: 2, before }, narrow)).map(({ id }) => id);
    expect(await page()).toEqual(['CC-005', 'CC-004']);
    expect(await page(4)).toEqual(['CC-001']);
  });

  it('is told of in events without its words', async () => {
    for (const environments of [['home'], ['home', 'cloud']])
      await to((await touching(environments)).id, 'paused', 'a secret reason');
    const events = await life.store.db.selectFrom('events').selectAll().where('type', '=', 'change.paused').execute();
    expect(events.map(({ environment }) => environment)).toEqual(['home', null]);
    expect(JSON.stringify(events[0])).toContain('a secret reason');
    expect(JSON.stringify(events[1])).not.toContain('a secret reason');
  });
});

describe('evidence', () => {
  it('is added with who said it, by agents too and after the end', async () => {
    const { id } = await make({}, { category: 'emergency' });
    await addEvidence(life.changes, id, 'the log of dns1', agent);
    await to(id, 'in_progress');
    await to(id, 'rolled_back');
    expect(await addEvidence(life.changes, id, 'the ticket', person)).toMatchObject({
      evidence: [{ text: 'the log of dns1', by: { class: 'agent' } }, { text: 'the ticket' }],
    });
    expect(await exportChange(life.changes, id, person)).toContain('evidence:\n  - the log of dns1\n  - the ticket\n');
  });
});

it('two who write different parts at once both keep theirs', async () => {
  const { id } = await make();
  await Promise.all([
    updateChange(life.changes, id, { content: { summary: 'one' } }, person),
    updateChange(life.changes, id, { content: { notes: 'two' } }, person),
  ]);
  expect(await viewChange(life.changes, id, person)).toMatchObject({ summary: 'one', notes: 'two' });
});

it('a port is tried from the server by a person only', async () => {
  const { id } = await make({ validation: [{ text: 'port', check: { kind: 'tcp', host: '127.0.0.1', port: 1 } }] });
  expect(await refused(runChecks(life.changes, id, agent))).toMatch(/^FORBIDDEN: Only a person can let the server try/);
});
