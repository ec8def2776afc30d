import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Plan } from './model.ts';
import { NOW, refuse, run, ScriptedServer, type Ran } from './testing.ts';
import { PLAN_ID, samplePlan } from './testing_plan.ts';

const iso = (hours: number): string => new Date(NOW + hours * 3_600_000).toISOString();
const schedule = {
  state: 'waiting',
  at: iso(50),
  until: iso(54),
  window: 'night',
  scheduled_by: { id: 'u1', name: 'ada', class: 'human' },
};
const plan: Plan = { ...samplePlan, state: 'approved', schedule };

let server: ScriptedServer;
let entries: unknown[];
beforeEach(async () => {
  entries = [];
  server = await new ScriptedServer({
    'POST /v1/actions/apply': () => plan,
    [`GET /v1/plans/${PLAN_ID}`]: () => plan,
    [`DELETE /v1/plans/${PLAN_ID}/schedule`]: () => ({ ...plan, schedule: { ...schedule, state: 'canceled' } }),
    'GET /v1/calendar': () => ({ time_zone: 'Europe/Berlin', entries }),
    'POST /v1/environments/home/freeze': () => ({ environment: 'home', frozen: {} }),
  }).start();
});
afterEach(() => server.kill());
const cli = (...argv: string[]): Promise<Ran> => run(argv, { server });

test('apply --when says when it will run and does not wait', async () => {
  const { exit, out } = await cli('apply', PLAN_ID, '--when', 'window');
  expect(server.bodies('POST /v1/actions/apply')).toEqual([{ plan_id: PLAN_ID, when: 'window' }]);
  expect({ exit, out }).toEqual({
    exit: 0,
    out: `Plan ${PLAN_ID} is scheduled.
Schedule  will be applied 2026-01-03 02:00:00Z (window "night", until 2026-01-03
    06:00:00Z), by ada (human)
`,
  });
});

test('a plan shows its schedule, the last reason, and how to take it back', async () => {
  const result = { code: 'ENVIRONMENT_FROZEN', detail: 'home was frozen by ada: on battery', at: iso(51) };
  server.routes[`GET /v1/plans/${PLAN_ID}`] = () => ({ ...plan, schedule: { ...schedule, result } });
  const { out } = await cli('plan', 'show', PLAN_ID);
  expect(out).toContain('Schedule  will be applied 2026-01-03 02:00:00Z');
  expect(out.replaceAll(/\s+/g, ' ')).toContain('home was frozen by ada: on battery (ENVIRONMENT_FROZEN)');
  expect(out).toContain(`proxmox-agent plan unschedule ${PLAN_ID}`);
  const back = await cli('plan', 'unschedule', PLAN_ID);
  expect(back.out).toContain('Not scheduled any more; the plan is approved.');
});

test('a plan that is tied to a window says how to schedule it', async () => {
  const { schedule: _, ...bare } = plan;
  const duty = { obligation: 'window', text: 'an open change window when it is applied', rules: ['r1'] };
  server.routes[`GET /v1/plans/${PLAN_ID}`] = () => ({ ...bare, decision: { outcome: 'allow', obligations: [duty] } });
  expect((await cli('plan', 'show', PLAN_ID)).out).toContain(`proxmox-agent apply ${PLAN_ID} --when window`);
});

test('the calendar is a table; an empty one says so', async () => {
  expect((await cli('calendar')).out).toBe('Nothing is planned in the next 42 days.\n');
  entries = [
    { kind: 'freeze', environment: 'home', name: 'on battery', from: iso(0), to: null },
    { kind: 'window', environment: 'home', name: 'night', from: iso(50), to: iso(54), tiers: [2, 3] },
    {
      kind: 'change',
      environment: 'home',
      name: 'Switch',
      from: iso(50),
      to: iso(54),
      change_id: 'CC-002',
      status: 'in_progress',
    },
    { kind: 'plan', environment: 'home', name: 'vm.start vm/301', from: iso(50), to: iso(54), plan_id: PLAN_ID },
  ];
  const { out } = await cli('calendar', '--days', '7');
  expect(server.received.at(-1)?.path).toContain('to=2026-01-08');
  expect(out.split('\n')[1]).toMatch(/^2026-01-01 00:00:00Z +open end +freeze +home +on battery$/);
  expect(out.replaceAll(/\s+/g, ' ')).toContain('night (tier 2, 3)');
  expect(out.replaceAll(/\s+/g, ' ')).toContain('change home CC-002 Switch (in progress)');
  expect((await cli('change', 'calendar', '--days', '7')).out).toBe(out);
  expect(out).toContain("The lab's clock is in Europe/Berlin; times here are UTC.");
  expect(JSON.parse((await cli('--json', 'calendar')).out)).toMatchObject({ entries });
  expect(await cli('calendar', '--days', '0')).toMatchObject({ exit: 2 });
});

test('a refusal is shown as any other', async () => {
  server.routes['POST /v1/actions/apply'] = (_, response) =>
    refuse(response, 409, 'OBLIGATION_UNMET', 'none is planned');
  const { exit, err } = await cli('apply', PLAN_ID, '--when', 'window');
  expect(exit).not.toBe(0);
  expect(err).toContain('none is planned');
});

test('a freeze with an end', async () => {
  const { out } = await cli('env', 'freeze', 'home', '--reason', 'on battery', '--until', iso(5));
  expect(server.bodies('POST /v1/environments/home/freeze')).toEqual([{ reason: 'on battery', until: iso(5) }]);
  expect(out).toContain('It ends at 2026-01-01 05:00:00Z.');
});
