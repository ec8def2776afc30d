import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/kernel/clock.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import type { PveApi } from '../../src/proxmox/index.ts';
import { Case, type Operation } from '../contract/cases.ts';
import { byHand } from '../support/action.ts';
import { Harness } from '../support/harness.ts';

const AT = '/nodes/pve4/qemu';
const CREATE = {
  action: 'vm.create_from_template',
  target: 'vm/9000',
  params: { name: 'web1', cores: 4, disk: { size: '20G' }, wait: 0 },
};
const STEPS = [`POST ${AT}/9000/clone`, `PUT ${AT}/100/config`, `PUT ${AT}/100/resize`, `POST ${AT}/100/status/start`];

interface Options {
  readonly api?: (one: Case) => PveApi;
  readonly clock?: (one: Case) => Clock;
  /** Called right before the intent of each step. */
  readonly before?: (one: Case, seq: number) => void;
  /** Called right after the answer to each step. */
  readonly after?: (one: Case, seq: number) => void;
}

/** Plans and applies CREATE in the example lab while things happen to the cluster. */
async function create(one: Case, { api, clock, before, after }: Options = {}): Promise<Operation> {
  const done = new Set<string>();
  const happen = (point: string, seq: number): void => {
    const what = point === 'before-intent' ? before : point === 'after-answer' ? after : undefined;
    if (what === undefined || done.has(`${point} ${seq}`)) return;
    done.add(`${point} ${seq}`);
    what(one, seq);
  };
  const life = new Harness({
    api: api?.(one) ?? one.api,
    clock: clock?.(one) ?? one.clock,
    directory: one.directory.path,
    crash: (point, { seq, request }) => (request === 'undo' ? undefined : happen(point, seq)),
  });
  try {
    return (await life.run(CREATE)) as Operation;
  } finally {
    await life.close();
    one.close();
  }
}
const told = (operation: Operation): string => JSON.stringify({ ...operation.error, left: operation.compensation });

describe('a task of the operation', () => {
  it.each([
    ['clone', `POST ${AT}/9000/clone`],
    ['start', `POST ${AT}/100/status/start`],
  ])('whose worker is killed (%s) is judged by what it left, and never sent twice', async (_name, call) => {
    const one = new Case();
    const [method = '', path = ''] = call.split(' ');
    one.inject({ match: { method, path }, kind: 'task-vanish' });
    const operation = await create(one);
    expect(one.calls().filter((sent) => sent === call)).toHaveLength(1);
    if (operation.state === 'applied') expect(one.calls()).toEqual(STEPS);
    else {
      expect(operation.state, told(operation)).toBe('failed');
      expect(operation.error?.message).toMatch(/unexpected status|unknown/);
      for (const entry of operation.compensation ?? []) expect(['undone', 'left', 'nothing']).toContain(entry.state);
      expect(operation.compensation?.[0]).toMatchObject({
        state: 'left',
        why: expect.stringContaining('was lost') as string,
      });
    }
  });

  it('whose log cannot be read ends as the task did', async () => {
    const one = new Case();
    const api = ({ api: real }: Case): PveApi => ({
      ...real,
      get: (path, params) =>
        path.endsWith('/log')
          ? Promise.reject(new AgentError('PVE_REJECTED', 'unable to open task log'))
          : real.get(path, params),
    });
    const operation = await create(one, { api });
    expect(operation, told(operation)).toMatchObject({ state: 'applied' });
    expect(one.calls()).toEqual(STEPS);
  });

  it('whose node reboots while it runs fails with the node’s words, and nothing is sent twice', async () => {
    const one = new Case();
    const operation = await create(one, {
      after: ({ simulator }, seq) => {
        if (seq !== 1) return;
        simulator.killNode('pve4');
        simulator.startNode('pve4');
      },
    });
    expect(['failed', 'needs_attention'], told(operation)).toContain(operation.state);
    expect(operation.error?.message.length).toBeGreaterThan(20);
    expect(one.calls().filter((call) => call === STEPS[0])).toHaveLength(1);
    expect(one.calls()).not.toContain(STEPS[1]);
  });

  it('whose node stays away is waited for, then is a person’s case', async () => {
    const one = new Case();
    const operation = await create(one, {
      after: ({ simulator }, seq) => {
        if (seq === 1) simulator.killNode('pve4');
      },
    });
    expect(operation, told(operation)).toMatchObject({ state: 'needs_attention' });
    expect(operation.error?.message).toContain('cannot be watched');
    expect(one.calls()).toEqual(STEPS.slice(0, 1));
  });
});

describe('a lost answer is settled', () => {
  it.each([-7200, -30, 30, 7200])('where the clock of the node is %d seconds off ours', async (seconds) => {
    const one = new Case();
    one.inject({ match: { method: 'POST', path: `${AT}/9000/clone` }, kind: 'cut-after' });
    const clock = ({ clock: lab }: Case): Clock => ({
      now: () => lab.now() - seconds * 1000,
      sleep: (ms, signal) => lab.sleep(ms, signal),
    });
    const operation = await create(one, { clock });
    expect(operation, told(operation)).toMatchObject({
      state: 'applied',
      effects: [{ in_doubt: { settled_by: 'task' } }, {}, {}, {}],
    });
    expect(one.calls()).toEqual(STEPS);
  });

  it('by its own task, not by the same one that somebody began by hand shortly before', async () => {
    const one = new Case();
    one.inject({ match: { method: 'POST', path: `${AT}/9000/clone`, nth: 2 }, kind: 'cut-before' });
    // Another user's clone of the same template, within the same seconds.
    const operation = await create(one, {
      before: (lab, seq) => (seq === 1 ? byHand(lab, 'POST', `${AT}/9000/clone`, { newid: 777 }) : undefined),
    });
    expect(operation, told(operation)).toMatchObject({ state: 'applied' });
    expect(one.calls()).toEqual([STEPS[0], ...STEPS]);
    expect(one.simulator.objects().get('vm/777')).toBeDefined();
  });
});

it('a guest that HA moves in the middle ends the operation in words, and what was made is told', async () => {
  const one = new Case();
  const operation = await create(one, {
    before: (lab, seq) => {
      if (seq === 3) byHand(lab, 'POST', `${AT}/100/migrate`, { target: 'pve3' });
    },
  });
  expect(operation.state, told(operation)).toBe('failed');
  expect(operation.error?.message).toContain('does not exist');
  // Its path is another one now, and nothing is deleted that is not where it was made.
  expect(operation.compensation?.length).toBeGreaterThan(0);
  for (const { why } of operation.compensation ?? []) expect(why.length).toBeGreaterThan(10);
});
