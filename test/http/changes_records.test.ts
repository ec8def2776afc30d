import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { movable } from './browser.ts';
import { lab, Service, START, type Got } from './support.ts';

/** Change records over HTTP, against a real server. */
const SEEDS = join(import.meta.dirname, '../../../shared/seeds');
const seed = (): string => {
  const name = readdirSync(SEEDS).find((one) => one.startsWith('000_'));
  if (name === undefined) throw new Error(`the document CC-001 is not in ${SEEDS}`);
  return readFileSync(join(SEEDS, name), 'utf8');
};
/** The document without front matter, and without what no reader sees. */
const visible = (markdown: string): string[] =>
  markdown
    .slice(markdown.indexOf('## CC-'))
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

const clock = movable();
let service: Service;
let person = '';
let agent = '';
let narrow = '';
beforeAll(async () => {
  service = await Service.start({ environments: [lab('lab'), lab('other')], clock });
  person = await service.token('admin');
  agent = await service.token('admin', 'agent');
  narrow = await service.token('admin', 'human', ['other']);
});
afterAll(() => service.close());

const ask = (line: string, body?: unknown, token = person, headers: Record<string, string> = {}): Promise<Got> => {
  const [method = '', path = ''] = line.split(' ');
  return service.ask(`${method} /v1/changes${path}`, { token, body, headers });
};
const markdown = (line: string, text: string): Promise<Got> =>
  ask(line, text, person, { 'Content-Type': 'text/markdown' });
const make = async (content: object = {}): Promise<Record<string, unknown> & { id: string; digest: string }> => {
  const { status, json, text } = await ask('POST ', { title: 'Move DNS', ...content });
  expect(status, text).toBe(201);
  return json as Record<string, unknown> & { id: string; digest: string };
};

describe('CC-001 over HTTP', () => {
  it('is taken as Markdown, shows its fields, and comes back with the same content', async () => {
    const taken = await markdown('POST /import', seed());
    expect(taken.status, taken.text).toBe(201);
    const { json } = await ask('GET /CC-001');
    expect(json).toEqual(taken.json);
    expect(json).toMatchObject({
      id: 'CC-001',
      status: 'paused',
      status_note: 'Intentional checkpoint for documentation & review',
      phase: 'Phase 4 — Service Control Plane & Virtualization',
      risk: { level: 'low' },
      scope: { out_note: 'for this change' },
      downtime: 'None',
    });
    const exported = await ask('GET /CC-001/export');
    expect(exported.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    expect(exported.headers.get('content-disposition')).toBe('attachment; filename="CC-001.md"');
    expect(visible(exported.text)).toEqual(visible(seed()));
    expect((await ask('POST /import', { markdown: exported.text })).json).toMatchObject({
      code: 'CHANGE_STATE',
      detail: 'There is a change CC-001 already.',
    });
  });

  it('goes on: approved as it was read, begun, judged and completed', async () => {
    const { digest } = (await ask('GET /CC-001')).json;
    expect((await ask('POST /CC-001/approve', { digest, comment: 'go on' })).json).toMatchObject({
      status: 'paused',
      approvals: [{ holds: true, comment: 'go on' }],
    });
    for (const status of ['approved', 'in_progress'])
      expect((await ask('POST /CC-001/status', { status })).json).toMatchObject({ status });
    const early = await ask('POST /CC-001/status', { status: 'completed' });
    expect(early.json['detail']).toMatch(/4 of 4 criteria have not passed/);
    for (const n of [1, 2, 3, 4])
      expect((await ask(`POST /CC-001/criteria/${n}`, { result: 'passed', evidence: 'seen' })).status).toBe(200);
    expect((await ask('POST /CC-001/criteria/5', { result: 'passed' })).status).toBe(404);
    expect((await ask('POST /CC-001/evidence', { text: 'photo of the rack' })).json).toMatchObject({
      evidence: [{ text: 'photo of the rack' }],
    });
    expect((await ask('POST /CC-001/status', { status: 'completed' })).json).toMatchObject({ status: 'completed' });
    expect((await ask('GET /CC-001/export')).text).toMatch(/results:\n( {2}- passed\n){4}[\s\S]*photo of the rack/);
    expect((await ask('PATCH /CC-001', { notes: 'x' })).json).toMatchObject({ code: 'CHANGE_STATE' });
  });
});

describe('a change over HTTP', () => {
  it('is rewritten in part; what is not named stays', async () => {
    const { id, digest } = await make({ summary: 'old', risk: { level: 'high' }, environments: ['lab'] });
    const after = (await ask(`PATCH /${id}`, { digest, summary: 'new', category: 'emergency' })).json;
    expect(after).toMatchObject({
      title: 'Move DNS',
      summary: 'new',
      category: 'emergency',
      risk: { level: 'high' },
      environments: ['lab'],
    });
    expect((await ask(`PATCH /${id}`, { digest, summary: 'late' })).json).toMatchObject({ code: 'CHANGE_STATE' });
    expect((await ask(`PATCH /${id}`, { sumary: 'x' })).json['errors']).toMatchObject({
      sumary: expect.stringMatching(/summary/) as string,
    });
  });

  it('runs its checks', async () => {
    const check = { kind: 'guest', environment: 'lab', target: 'vm/301', status: 'stopped' };
    const { id } = await make({ validation: [{ text: 'it is off', check }] });
    expect((await ask(`POST /${id}/check`)).json).toMatchObject({ validation: [{ n: 1, result: 'passed' }] });
  });

  it('carries its plans, and one that is paused lets none be applied', async () => {
    const { id } = await make({ environments: ['lab'] });
    const plan = await service.ask('POST /v1/actions/plan', { token: person, body: { ...START, change_id: id } });
    const { plan_id } = plan.json;
    expect((await ask(`GET /${id}`)).json).toMatchObject({ plans: [{ plan_id, environment: 'lab' }] });
    await ask(`POST /${id}/status`, { status: 'paused', note: 'parts' });
    const applied = await service.ask('POST /v1/actions/apply', { token: person, body: { plan_id } });
    expect(applied.json).toMatchObject({ code: 'CHANGE_STATE', change_id: id });
  });

  it('lends itself to no plan of another environment, nor to who may not see it', async () => {
    const { id } = await make({ environments: ['lab'] });
    const plan = async (environment: string, token: string): Promise<unknown> =>
      (await service.ask('POST /v1/actions/plan', { token, body: { ...START, environment, change_id: id } })).json;
    expect(await plan('other', person)).toMatchObject({
      code: 'CHANGE_STATE',
      detail: `${id} is about lab; this plan would change other.`,
    });
    expect(await plan('other', narrow)).toMatchObject({ code: 'NOT_FOUND' });
    expect((await ask(`GET /${id}`)).json['plans']).toEqual([]);
    const { plan_id } = (await plan('lab', person)) as { plan_id: string };
    const { digest } = (await ask(`PATCH /${id}`, { environments: ['other'] })).json;
    await ask(`POST /${id}/approve`, { digest });
    const applied = await service.ask('POST /v1/actions/apply', { token: person, body: { plan_id } });
    expect(applied.json).toMatchObject({ code: 'CHANGE_STATE', change_id: id });
  });

  it('refuses agents what only a person may say, and writes nothing', async () => {
    const { id, digest } = await make({ validation: [{ text: 'x' }] });
    const tries: [string, object][] = [
      ['approve', { digest }],
      ['reject', { note: 'x' }],
      ['criteria/1', { result: 'passed' }],
      ['review', { text: 'x' }],
      ['status', { status: 'completed' }],
    ];
    for (const [step, body] of tries) {
      const { status, json } = await ask(`POST /${id}/${step}`, body, agent);
      expect([step, status, json['code']]).toEqual([step, 403, 'APPROVAL_FORBIDDEN']);
    }
    expect((await ask(`GET /${id}`)).json).toMatchObject({ status: 'planned', approvals: [], digest });
  });

  it.each([
    ['POST /import', { markdown: 'no heading' }, 'VALIDATION_FAILED'],
    ['POST /import', {}, 'VALIDATION_FAILED'],
    ['POST ', { title: '' }, 'VALIDATION_FAILED'],
    ['POST ', { title: 'x', environments: ['nowhere'] }, 'NOT_FOUND'],
    ['POST ', { title: 'x', category: 'standard' }, 'FORBIDDEN'],
    ['GET /CC-1', undefined, 'VALIDATION_FAILED'],
    ['GET /CC-999', undefined, 'NOT_FOUND'],
    ['GET ?before=7', undefined, 'VALIDATION_FAILED'],
    ['GET /metrics?since=yesterday', undefined, 'VALIDATION_FAILED'],
    ['POST /CC-001/status', { status: 'done' }, 'VALIDATION_FAILED'],
    ['POST /CC-001/reject', {}, 'VALIDATION_FAILED'],
  ])('refuses %s %j with %s', async (line, body, code) => {
    const { status, json, text } = await ask(line, body);
    expect(json, text).toMatchObject({ code });
    expect(status).toBeLessThan(500);
  });

  it('is not there for who has no rights in what it touches', async () => {
    const { id } = await make({ environments: ['lab'] });
    for (const line of [`GET /${id}`, `GET /${id}/export`, `POST /${id}/check`, `POST /${id}/evidence`]) {
      const body = line.endsWith('evidence') ? { text: 'x' } : undefined;
      expect([line, (await ask(line, body, narrow)).status]).toEqual([line, 404]);
    }
    const { changes } = (await ask('GET ?limit=500', undefined, narrow)).json as { changes: { id: string }[] };
    expect(changes.map((one) => one.id)).not.toContain(id);
    expect((await ask('GET /metrics', undefined, narrow)).json['total']).toBe(changes.length);
  });
});

describe('the list', () => {
  it('comes a page at a time, newest first, and by status', async () => {
    const made = [(await make()).id, (await make()).id, (await make()).id];
    const whole = (await ask('GET ?limit=500')).json['changes'] as { id: string }[];
    const read: string[] = [];
    for (let next: string | undefined = ''; next !== undefined;) {
      const { json } = await ask(`GET ?limit=2${next === '' ? '' : `&before=${next}`}`);
      read.push(...(json['changes'] as { id: string }[]).map(({ id }) => id));
      next = json['next'] as string | undefined;
    }
    expect(read).toEqual(whole.map(({ id }) => id));
    expect(read.slice(0, 3)).toEqual(made.toReversed());
    await ask(`POST /${made[0]}/status`, { status: 'rejected', note: 'not now' });
    const { changes } = (await ask('GET ?status=rejected')).json as { changes: { id: string }[] };
    expect(changes).toMatchObject([{ id: made[0], status: 'rejected', status_note: 'not now' }]);
  });

  it('finds emergencies that nobody has reviewed in time', async () => {
    const overdue = async (): Promise<string[]> =>
      ((await ask('GET ?overdue=1')).json['changes'] as { id: string }[]).map(({ id }) => id);
    const { id } = await make({ category: 'emergency' });
    for (const status of ['in_progress', 'completed']) await ask(`POST /${id}/status`, { status });
    expect(await overdue()).toEqual([]);
    clock.advance(6 * 86_400_000);
    expect(await overdue()).toEqual([id]);
    expect((await ask('GET /metrics')).json).toMatchObject({ reviews_overdue: 1 });
    expect((await ask(`POST /${id}/review`, { text: 'a disk was full' })).json).toMatchObject({
      review: { overdue: false, done: { text: 'a disk was full' } },
    });
    expect(await overdue()).toEqual([]);
  });
});

it('the same Idempotency-Key makes one change, and another body is refused', async () => {
  const key = { 'Idempotency-Key': 'change-once' };
  const first = await ask('POST ', { title: 'once' }, person, key);
  expect((await ask('POST ', { title: 'once' }, person, key)).json).toEqual(first.json);
  expect((await ask('POST ', { title: 'twice' }, person, key)).json).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  const { id } = first.json as { id: string };
  const more = { 'Idempotency-Key': 'evidence-once' };
  for (let times = 0; times < 2; times++) await ask(`POST /${id}/evidence`, { text: 'x' }, person, more);
  expect((await ask(`GET /${id}`)).json['evidence']).toHaveLength(1);
});
