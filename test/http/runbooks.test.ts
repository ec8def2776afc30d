import { afterAll, beforeAll, expect, it } from 'vitest';
import { Service } from './support.ts';

let service: Service;
let person: string;
let agent: string;
let viewer: string;
beforeAll(async () => {
  service = await Service.start();
  [person, agent, viewer] = await Promise.all([
    service.token('admin'),
    service.token('operator', 'agent'),
    service.token('viewer'),
  ]);
});
afterAll(() => service.close());

const parameters = { environment: 'lab', manager: '127.0.0.1' };
const begin = async (): Promise<string> => {
  const body = { runbook: 'secrets', parameters, change_id: 'CC-001' };
  const { status, json } = await service.ask('POST /v1/runbook-runs', { token: person, body });
  expect(status).toBe(201);
  return String(json['run_id']);
};
const say = (run_id: string, step: number, body: object, token = person) =>
  service.ask(`POST /v1/runbook-runs/${run_id}/steps/${step}`, { token, body });

it('lists the runbooks and shows one with its steps and parameters', async () => {
  const { json } = await service.ask('GET /v1/runbooks', { token: viewer });
  expect((json['runbooks'] as { id: string }[]).map(({ id }) => id)).toContain('vm-provisioning');
  const one = (await service.ask('GET /v1/runbooks/secrets', { token: viewer })).json;
  expect(one).toMatchObject({ id: 'secrets', parameters: [{ name: 'environment' }, { name: 'manager' }] });
  expect((await service.ask('GET /v1/runbooks/nothing', { token: viewer })).status).toBe(404);
});

it('names the parameters that are missing or wrong', async () => {
  const body = { runbook: 'secrets', parameters: { environment: 'lab', manager: 'a\n## 9. b' } };
  const { status, json } = await service.ask('POST /v1/runbook-runs', { token: person, body });
  expect([status, Object.keys(json['errors'] as object)]).toEqual([400, ['parameters.manager']]);
});

it('goes from step to step, pauses, and reports', async () => {
  const run_id = await begin();
  const answer = { do: 'answer', passed: true, evidence: 'a list of 12' };
  expect((await say(run_id, 1, answer)).json).toMatchObject({ state: 'waiting', current: 2, next: 'run' });
  // Nothing listens on port 443 here.
  expect((await say(run_id, 2, { do: 'run' })).json).toMatchObject({ state: 'failed', next: 'retry' });
  expect((await say(run_id, 2, { do: 'skip', reason: 'it is not there yet' })).json).toMatchObject({ current: 3 });
  const paused = await service.ask(`POST /v1/runbook-runs/${run_id}/pause`, {
    token: agent,
    body: { reason: 'a test' },
  });
  expect(paused.json).toMatchObject({ state: 'paused' });
  expect((await say(run_id, 3, answer)).json).toMatchObject({ code: 'RUN_STATE' });
  const resumed = await service.ask(`POST /v1/runbook-runs/${run_id}/resume`, { token: person });
  expect(resumed.json).toMatchObject({ state: 'waiting' });
  const aborted = await service.ask(`POST /v1/runbook-runs/${run_id}/abort`, {
    token: person,
    body: { reason: 'enough' },
  });
  expect(aborted.json).toMatchObject({ state: 'canceled' });
  const report = await service.ask(`GET /v1/runbook-runs/${run_id}/report`, { token: viewer });
  expect(report.headers.get('content-type')).toContain('text/markdown');
  for (const words of ['CC-001', 'a list of 12', 'it is not there yet', 'paused by agent operator'])
    expect(report.text).toContain(words);
  const list = await service.ask('GET /v1/runbook-runs?state=canceled', { token: viewer });
  expect(list.json['runs']).toMatchObject([{ run_id, steps_done: 2 }]);
});

it('an agent gives no person’s word, a viewer says nothing', async () => {
  const run_id = await begin();
  const answer = { do: 'answer', passed: true, evidence: 'seen' };
  expect((await say(run_id, 1, answer, agent)).status).toBe(403);
  expect((await say(run_id, 1, answer, viewer)).status).toBe(403);
  const abort = { token: agent, body: { reason: 'a test' } };
  expect((await service.ask(`POST /v1/runbook-runs/${run_id}/abort`, abort)).status).toBe(403);
});

it('an Idempotency-Key starts one run however often it is sent', async () => {
  const body = { runbook: 'secrets', parameters };
  const headers = { 'Idempotency-Key': 'start-once' };
  const ids = [];
  for (let index = 0; index < 2; index++)
    ids.push((await service.ask('POST /v1/runbook-runs', { token: person, body, headers })).json['run_id']);
  expect(ids[0]).toBe(ids[1]);
});
