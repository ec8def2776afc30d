import { afterEach, beforeEach, expect, test } from 'vitest';
import { run, ScriptedServer } from './testing.ts';
import { HASH, PLAN_ID } from './testing_plan.ts';

/** What is sent again because its answer was lost goes under the same key; one that is shown once is not shown then. */
let server: ScriptedServer;
beforeEach(async () => {
  server = await new ScriptedServer({}).start();
});
afterEach(() => server.kill());

/** The server does it, and its first answer is lost on the way. */
function losing(path: string, answer: object): void {
  let attempts = 0;
  server.routes[`POST ${path}`] = (_, response) => (attempts++ === 0 ? void response.socket?.destroy() : answer);
}

const keysOf = (path: string) =>
  server.received
    .filter((one) => one.method === 'POST' && one.path === path)
    .map(({ headers }) => headers['idempotency-key']);

const RUN = '01900000-0000-7000-8000-00000000000a';
const OPERATION = '01900000-0000-7000-8000-00000000000b';
const TOKEN = { id: 't1', name: 'ci', role: 'viewer', class: 'agent', token: 'pxa_made' };
const PERSON = {
  id: 'p1',
  name: 'ana',
  grants: {},
  invitation: { code: 'the-code', expires_at: '2026-01-08T00:00:00Z' },
};
const create = ['token', 'create', '--name', 'ci', '--role', 'viewer', '--class', 'agent'];
const invite = ['person', 'invite', 'ana', '--grant', 'home=viewer'];

test.each([
  ['/v1/tokens', create, TOKEN],
  ['/v1/me/tokens', [...create, '--own'], TOKEN],
  ['/v1/people', invite, PERSON],
  [`/v1/plans/${PLAN_ID}/replan`, ['plan', 'again', PLAN_ID], {}],
  [`/v1/plans/${PLAN_ID}/approve`, ['approve', PLAN_ID, '--hash', HASH], { state: 'approved' }],
  [`/v1/plans/${PLAN_ID}/reject`, ['reject', PLAN_ID], { state: 'denied' }],
  [`/v1/plans/${PLAN_ID}/cancel`, ['plan', 'cancel', PLAN_ID], { state: 'canceled' }],
  [`/v1/operations/${OPERATION}/cancel`, ['op', 'cancel', OPERATION], { state: 'compensating' }],
  [`/v1/operations/${OPERATION}/resume`, ['op', 'resume', OPERATION], { state: 'running' }],
  [`/v1/runbook-runs/${RUN}/steps/1`, ['runbook', 'step', RUN, '1', '--run'], {}],
  [`/v1/runbook-runs/${RUN}/pause`, ['runbook', 'pause', RUN, '--reason', 'a test'], {}],
])('POST %s is sent again with the same key', async (path, argv, answer) => {
  losing(path, answer);
  const { err } = await run(argv, { server });
  expect(err).toContain('trying again for up to 5 minutes');
  const keys = keysOf(path);
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe(keys[0]);
});

test.each([
  ['/v1/tokens', create, { ...TOKEN, token: '[redacted]' }, 'token revoke t1'],
  ['/v1/people', invite, { ...PERSON, invitation: { ...PERSON.invitation, code: '[redacted]' } }, 'person reset ana'],
])('what the lost answer of POST %s showed is not made up', async (path, argv, answer, next) => {
  for (const more of [[], ['--json']]) {
    losing(path, answer);
    const { exit, out, err } = await run([...argv, ...more], { server });
    expect(exit).toBe(1);
    expect(out + err).toContain('ANSWER_LOST');
    expect((out + err).replaceAll(/\s+/g, ' ')).toContain(next);
    expect(out + err).not.toContain('[redacted]');
  }
});
