import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  abortRun,
  actOnStep,
  approve,
  createProbe,
  listRuns,
  parseRunbook,
  pauseRun,
  reportRun,
  resumeRun,
  RunbookLibrary,
  settleRuns,
  startRun,
  viewRun,
  type RunbookDeps,
  type RunPoint,
  type StepAct,
} from '../../src/changes/index.ts';
import { Stop } from '../../src/operations/index.ts';
import { exportAudit } from '../../src/record/index.ts';
import type { Principal } from '../../src/identity/index.ts';
import { getPlan, listPlans } from '../../src/store/index.ts';
import { Case } from '../contract/cases.ts';
import { agent, person, type Harness } from '../support/harness.ts';

const block = (fields: string): string => `\`\`\`step\n${fields}\n\`\`\`\n`;
const book = (...steps: string[]): RunbookLibrary => {
  const head = '---\nid: demo\ntitle: A demonstration\nversion: 1\nsummary: For a test.\n---\n';
  const text = steps.map((fields, index) => `## ${index + 1}. Step\n\n${block(fields)}`).join('\n');
  return new RunbookLibrary([parseRunbook('demo.md', `${head}\n${text}`)]);
};
const MANUAL = 'kind: manual\ncheck: Is it so?\nevidence: required';
const START = 'kind: action\nenvironment: home\naction: vm.start\ntarget: vm/301';
const STOP = 'kind: action\nenvironment: home\naction: vm.stop\ntarget: vm/303';
const APPROVAL = 'kind: approval\nquestion: May it go on?';

type Shown = Record<string, unknown> & {
  state: string;
  next?: string;
  steps: { state: string; attempts: Record<string, unknown>[] }[];
};

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

class Killed extends Error {}
const deps = (library: RunbookLibrary, killAt?: RunPoint): RunbookDeps => ({
  changes: life.changes,
  library,
  probe: createProbe(life.changes.estate),
  crash: (point) => {
    if (point === killAt) throw new Killed(point);
  },
});
const begin = async (all: RunbookDeps, by: Principal = person): Promise<string> =>
  (await startRun(all, { runbook: 'demo', parameters: {} }, by)).run_id;
const show = async (all: RunbookDeps, run_id: string): Promise<Shown> => (await viewRun(all, run_id, person)) as Shown;
const restart = async (): Promise<void> => {
  await life.close();
  life = one.life();
  await life.engine.recover();
};
/** Lets everything that runs come to its end, and looks. */
const settle = async (all: RunbookDeps, run_id: string): Promise<Shown> => {
  const { steps } = await show(all, run_id);
  for (const { attempts } of steps) {
    const id = attempts.at(-1)?.['operation_id'];
    if (typeof id === 'string') await life.engine.idle(id);
  }
  return show(all, run_id);
};
const say = (all: RunbookDeps, run_id: string, step: number, act: StepAct, by: Principal = person) =>
  actOnStep(all, run_id, step, act, by);
const SEEN = { do: 'answer', passed: true, evidence: 'seen' } as const;
const RUN = { do: 'run' } as const;

describe('the shipped runbook vm-provisioning', () => {
  it('goes to its end on the simulator: a VM is made, looked at, kept, and the report has all of it', async () => {
    const all = deps(RunbookLibrary.open());
    const parameters = {
      environment: 'home',
      template: 9000,
      vmid: 777,
      name: 'wiki',
      address: '192.168.30.77/24',
      gateway: '192.168.30.1',
      user: 'ana',
      ssh_key: 'ssh-ed25519 AAAAC3Nza ana@desk',
      tag: 'wiki',
    };
    const { run_id } = await startRun(all, { runbook: 'vm-provisioning', parameters, change_id: 'CC-001' }, person);
    await say(all, run_id, 1, { ...SEEN, evidence: 'written into the address plan' });
    await say(all, run_id, 2, RUN);
    expect((await settle(all, run_id)).steps[1]?.state).toBe('done');
    await say(all, run_id, 3, RUN);
    const { state, attempts } = (await show(all, run_id)).steps[2] ?? { state: '', attempts: [] };
    const [, node = ''] = /^vm\/777 on (pve\d) is running$/.exec(String(attempts[0]?.['evidence'])) ?? [];
    expect([state, node]).toEqual(['done', expect.stringMatching(/^pve/)]);
    await say(all, run_id, 4, SEEN);
    await say(all, run_id, 5, RUN);
    expect((await settle(all, run_id)).steps[4]?.state).toBe('done');
    await say(all, run_id, 6, SEEN);
    await say(all, run_id, 7, { do: 'approve', comment: 'as ordered' });
    expect(await show(all, run_id)).toMatchObject({ state: 'done', steps_done: 7, change_id: 'CC-001' });
    const config = (await one.api.get(`/nodes/${node}/qemu/777/config`)) as Record<string, unknown>;
    expect(config).toMatchObject({ name: 'wiki', cores: 2, tags: 'wiki', parent: 'provisioned' });
    const report = await reportRun(all, run_id, person);
    for (const words of ['CC-001', 'written into the address plan', 'as ordered', 'vm/777 on', 'by ana (human)'])
      expect(report).toContain(words);
    const [plan] = await listPlans(life.store, { limit: 1 });
    expect(plan).toMatchObject({ change_id: 'CC-001', created_by: { name: 'ana' } });
    const lines: string[] = [];
    for await (const line of exportAudit(life.store, life.changes.audit)) lines.push(line);
    const events = lines.flatMap((line) => /"event":"(runbook[^"]+)"/.exec(line)?.[1] ?? []);
    expect(events[0]).toBe('runbook.started');
    expect(events.filter((event) => event === 'runbook.step.done')).toHaveLength(7);
  });
});

describe('a step that changes something', () => {
  it('waits for the approval of its plan, and is applied when it is run again', async () => {
    const all = deps(book(STOP));
    const run_id = await begin(all);
    await say(all, run_id, 1, RUN);
    const waiting = await show(all, run_id);
    expect(waiting).toMatchObject({ state: 'waiting', next: 'run' });
    expect(one.calls()).toEqual([]);
    await say(all, run_id, 1, RUN);
    expect(await listPlans(life.store, { limit: 10 })).toHaveLength(1);
    const plan = await getPlan(life.store, String(waiting.steps[0]?.attempts[0]?.['plan_id']));
    await approve(life.changes, plan.plan_id, { plan_hash: plan.plan_hash }, person);
    await say(all, run_id, 1, RUN);
    expect(await settle(all, run_id)).toMatchObject({ state: 'done' });
    expect(one.calls()).toHaveLength(1);
  });

  it.each(['after-claim', 'after-plan', 'after-apply'] as const)(
    'is done once when the process is killed %s',
    async (point) => {
      const library = book(START, MANUAL);
      const run_id = await begin(deps(library));
      await expect(say(deps(library, point), run_id, 1, RUN)).rejects.toThrow(Killed);
      await restart();
      const all = deps(library);
      const after = await settle(all, run_id);
      if (point !== 'after-apply') {
        expect(after.steps[0]?.state).toBe('running');
        await say(all, run_id, 1, RUN);
      }
      expect((await settle(all, run_id)).steps[0]).toMatchObject({ state: 'done', attempts: [{ outcome: 'done' }] });
      expect(one.calls()).toHaveLength(1);
      expect(await listPlans(life.store, { limit: 10 })).toHaveLength(1);
      await say(all, run_id, 2, SEEN);
      expect((await show(all, run_id)).state).toBe('done');
    },
  );

  it('is done once when the process dies in the middle of its operation', async () => {
    await life.close();
    let died = false;
    life = one.life((point) => {
      if (died || point !== 'after-send') return;
      died = true;
      throw new Stop('handover');
    });
    const library = book(START);
    const run_id = await begin(deps(library));
    await say(deps(library), run_id, 1, RUN);
    await settle(deps(library), run_id);
    expect(died).toBe(true);
    await restart();
    expect((await settle(deps(library), run_id)).state).toBe('done');
    expect(one.calls()).toHaveLength(1);
  });

  it('is planned once when two say run at the same time', async () => {
    const all = deps(book(START));
    const run_id = await begin(all);
    await Promise.all([say(all, run_id, 1, RUN), say(all, run_id, 1, RUN)]);
    expect((await settle(all, run_id)).state).toBe('done');
    expect(one.calls()).toHaveLength(1);
    expect(await listPlans(life.store, { limit: 10 })).toHaveLength(1);
  });

  it('fails with the words of the rehearsal, and can be tried again or left out with a reason', async () => {
    const missing =
      'kind: action\nenvironment: home\naction: snapshot.rollback\ntarget: vm/301\nparams:\n  name: nothing';
    const all = deps(book(missing, MANUAL));
    const run_id = await begin(all);
    await say(all, run_id, 1, RUN);
    const failed = await settle(all, run_id);
    expect(failed, JSON.stringify(failed.steps)).toMatchObject({ state: 'failed', next: 'retry' });
    await expect(say(all, run_id, 1, RUN)).rejects.toMatchObject({ code: 'RUN_STATE' });
    await say(all, run_id, 1, { do: 'retry' });
    await say(all, run_id, 1, RUN);
    expect((await settle(all, run_id)).steps[0]?.attempts).toHaveLength(2);
    await say(all, run_id, 1, { do: 'skip', reason: 'it was rolled back already' });
    expect(await show(all, run_id)).toMatchObject({ state: 'waiting', current: 2 });
    expect(await reportRun(all, run_id, person)).toContain('why: it was rolled back already');
  });

  it('a plan that waits is taken back when its step is tried again, left out, or the run is aborted', async () => {
    const all = deps(book(STOP));
    for (const give of ['retry', 'skip', 'abort'] as const) {
      const run_id = await begin(all);
      await say(all, run_id, 1, RUN);
      const plan_id = String((await show(all, run_id)).steps[0]?.attempts[0]?.['plan_id']);
      if (give === 'abort') await abortRun(all, run_id, 'changed my mind', person);
      else await say(all, run_id, 1, give === 'skip' ? { do: 'skip', reason: 'not needed' } : { do: 'retry' });
      expect((await getPlan(life.store, plan_id)).state).toBe('canceled');
    }
    expect(one.calls()).toEqual([]);
  });

  it('fails when its plan expires, and the minute job notices without anybody looking', async () => {
    const all = deps(book(STOP));
    const run_id = await begin(all);
    await say(all, run_id, 1, RUN);
    one.simulator.advance(3 * 3_600_000);
    await settleRuns(all);
    const [run] = ((await listRuns(all, { limit: 5, states: ['failed'] }, person))['runs'] ?? []) as Shown[];
    expect(run).toMatchObject({ run_id, state: 'failed' });
  });
});

describe('who may say what', () => {
  it('an agent may run a step of the control plane and never gives a person’s word', async () => {
    const all = deps(book(START, MANUAL, APPROVAL));
    const run_id = await begin(all, agent);
    await say(all, run_id, 1, RUN, agent);
    const waits = await show(all, run_id);
    const plan = await getPlan(life.store, String(waits.steps[0]?.attempts[0]?.['plan_id']));
    if (plan.state === 'awaiting_approval') {
      await approve(life.changes, plan.plan_id, { plan_hash: plan.plan_hash }, person);
      await say(all, run_id, 1, RUN, agent);
    }
    await settle(all, run_id);
    await expect(say(all, run_id, 2, SEEN, agent)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(say(all, run_id, 2, { do: 'skip', reason: 'no time' }, agent)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await say(all, run_id, 2, SEEN);
    await expect(say(all, run_id, 3, { do: 'approve' }, agent)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(say(all, run_id, 3, { do: 'approve' }, { ...person, role: 'operator' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(abortRun(all, run_id, 'for a test', agent)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await say(all, run_id, 3, { do: 'approve' }, { ...person, role: 'approver' });
    expect((await show(all, run_id)).state).toBe('done');
  });

  it('who has no rights in an environment neither starts, nor sees, nor finds a run of it', async () => {
    const all = deps(book(START));
    const stranger = { ...person, environments: ['other'] };
    await expect(begin(all, stranger)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(begin(all, { ...person, role: 'viewer' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const run_id = await begin(all);
    await expect(viewRun(all, run_id, stranger)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(say(all, run_id, 1, RUN, stranger)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await listRuns(all, { limit: 5 }, stranger))['runs']).toEqual([]);
  });
});

describe('a person’s step', () => {
  it('asks for evidence where it says so, and a no is a failure with what was seen', async () => {
    const all = deps(book(MANUAL, APPROVAL));
    const run_id = await begin(all);
    await expect(say(all, run_id, 1, { do: 'answer', passed: true })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    await expect(say(all, run_id, 1, { do: 'approve' })).rejects.toMatchObject({ code: 'RUN_STATE' });
    await expect(say(all, run_id, 1, RUN)).rejects.toMatchObject({ code: 'RUN_STATE' });
    await expect(say(all, run_id, 2, { do: 'approve' })).rejects.toMatchObject({ code: 'RUN_STATE' });
    await expect(say(all, run_id, 9, SEEN)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await say(all, run_id, 1, { do: 'answer', passed: false, evidence: 'it is not' });
    expect(await show(all, run_id)).toMatchObject({
      state: 'failed',
      steps: [{ attempts: [{ evidence: 'it is not' }] }, {}],
    });
    await say(all, run_id, 1, { do: 'retry' });
    const answers = await Promise.allSettled([say(all, run_id, 1, SEEN), say(all, run_id, 1, SEEN)]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('pause stops everything but what is under way, resume lets it go on, abort ends it', async () => {
    const all = deps(book(MANUAL, MANUAL));
    const run_id = await begin(all);
    await pauseRun(all, run_id, 'lunch time', person);
    await expect(say(all, run_id, 1, SEEN)).rejects.toMatchObject({ code: 'RUN_STATE' });
    expect(await show(all, run_id)).toMatchObject({ state: 'paused', next: 'resume' });
    await resumeRun(all, run_id, person);
    await say(all, run_id, 1, SEEN);
    await abortRun(all, run_id, 'not today', person);
    await expect(say(all, run_id, 2, SEEN)).rejects.toMatchObject({ code: 'RUN_STATE' });
    await expect(resumeRun(all, run_id, person)).rejects.toMatchObject({ code: 'RUN_STATE' });
    expect(await reportRun(all, run_id, person)).toContain('aborted by ana (human): not today');
  });
});

describe('a probe', () => {
  it('a run whose process died while it looked looks again', async () => {
    const probe = 'kind: probe\nprobe: guest\nenvironment: home\ntarget: vm/301\nstatus: stopped';
    const library = book(probe);
    const run_id = await begin(deps(library));
    await expect(say(deps(library, 'after-probe'), run_id, 1, RUN)).rejects.toThrow(Killed);
    await restart();
    await say(deps(library), run_id, 1, RUN);
    expect(await show(deps(library), run_id)).toMatchObject({
      state: 'done',
      steps: [{ attempts: [{ outcome: 'done' }] }],
    });
  });
});

it('whatever is said in whatever order, steps end in order, each once, and an ended run stays as it is', async () => {
  const library = book(
    MANUAL,
    'kind: probe\nprobe: guest\nenvironment: home\ntarget: vm/301\nstatus: stopped',
    APPROVAL,
  );
  const act = fc.oneof(
    fc
      .constantFrom<StepAct>(
        SEEN,
        { do: 'answer', passed: false },
        { do: 'approve' },
        RUN,
        { do: 'retry' },
        { do: 'skip', reason: 'a reason' },
      )
      .map((said) => ({ said }) as const),
    fc.constantFrom('pause', 'resume', 'abort', 'restart').map((verb) => ({ verb }) as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(act, fc.integer({ min: 1, max: 3 })), { maxLength: 14 }), async (moves) => {
      const run_id = await begin(deps(library));
      for (const [move, step] of moves) {
        const all = deps(library);
        const before = await show(all, run_id);
        const made =
          'said' in move
            ? say(all, run_id, step, move.said)
            : move.verb === 'pause'
              ? pauseRun(all, run_id, 'a reason', person)
              : move.verb === 'resume'
                ? resumeRun(all, run_id, person)
                : move.verb === 'abort'
                  ? abortRun(all, run_id, 'a reason', person)
                  : restart();
        const [result] = await Promise.allSettled([made]);
        const after = await show(deps(library), run_id);
        if (result?.status === 'rejected' || before.state === 'done' || before.state === 'canceled') {
          const { updated_at: _, ...rest } = after;
          expect(before).toMatchObject(rest);
        }
        const states = after.steps.map(({ state }) => (state === 'done' || state === 'skipped' ? 1 : 0));
        expect([...states].sort((a, b) => b - a)).toEqual(states);
        for (const { attempts } of after.steps)
          expect(attempts.filter(({ outcome }) => outcome === 'done').length).toBeLessThanOrEqual(1);
        expect(after.state === 'done').toBe(states.every(Boolean) && after.state !== 'canceled');
      }
    }),
    { numRuns: 15 },
  );
});
