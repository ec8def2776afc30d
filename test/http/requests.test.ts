import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOWHERE, Service, START, STOP, type Got } from './support.ts';

let service: Service;
let token = '';
beforeAll(async () => {
  service = await Service.start();
  token = await service.token('admin');
});
afterAll(() => service.close());
const ask = (line: string, body?: unknown, headers: Record<string, string> = {}): Promise<Got> =>
  service.ask(line, { token, body, headers });
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Sends bytes as they are: what `fetch` would put right, or not send at all. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (data: Buffer) => (answer += data.toString()));
    socket.on('error', reject).on('close', () => resolve(answer));
    socket.write(`${text}\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`);
  });
}

describe('a request that is wrong', () => {
  it.each<[string, string, unknown, Record<string, string>, number, string, string]>([
    [
      'JSON that is none',
      'POST /v1/actions/plan',
      '{"a":',
      {},
      400,
      'VALIDATION_FAILED',
      'The body is not valid JSON.',
    ],
    ['no body', 'POST /v1/actions/plan', '', JSON_TYPE, 400, 'VALIDATION_FAILED', 'The request is not valid.'],
    ['a list for a body', 'POST /v1/actions/plan', [], {}, 400, 'VALIDATION_FAILED', 'The request is not valid.'],
    ['null for a body', 'POST /v1/actions/plan', 'null', {}, 400, 'VALIDATION_FAILED', 'The request is not valid.'],
    [
      'a form',
      'POST /v1/actions/plan',
      'a=b',
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      400,
      'VALIDATION_FAILED',
      'Send the body as application/json.',
    ],
    [
      'a body of more than 1 MB',
      'POST /v1/actions/plan',
      { ...START, reason: 'x'.repeat(1024 * 1024) },
      {},
      400,
      'VALIDATION_FAILED',
      'The body is too large.',
    ],
    ['a route that there is not', 'GET /v1/nothing', undefined, {}, 404, 'NOT_FOUND', 'There is no GET /v1/nothing.'],
    [
      'a method that there is not',
      'DELETE /v1/plans',
      undefined,
      {},
      404,
      'NOT_FOUND',
      'There is no DELETE /v1/plans.',
    ],
    ['an id that is none', 'GET /v1/plans/7', undefined, {}, 400, 'VALIDATION_FAILED', 'The request is not valid.'],
    [
      'a plan that there is not',
      `GET /v1/plans/${NOWHERE}`,
      undefined,
      {},
      404,
      'PLAN_NOT_FOUND',
      `There is no plan ${NOWHERE}.`,
    ],
    [
      'an operation that there is not',
      `GET /v1/operations/${NOWHERE}`,
      undefined,
      {},
      404,
      'OPERATION_NOT_FOUND',
      `There is no operation ${NOWHERE}.`,
    ],
    [
      'an idempotency key with a space',
      'POST /v1/actions/plan',
      START,
      { 'Idempotency-Key': 'a b' },
      400,
      'VALIDATION_FAILED',
      'Idempotency-Key must be 1 to 255 visible ASCII characters.',
    ],
    [
      'a wait that is too long',
      'POST /v1/actions/apply?wait=601',
      { plan_id: NOWHERE },
      {},
      400,
      'VALIDATION_FAILED',
      'The request is not valid.',
    ],
  ])('with %s gets a problem that says what', async (_what, line, body, headers, status, code, detail) => {
    const answer = await ask(line, body, headers);
    expect(answer, answer.text).toMatchObject({ status, json: { code, detail, status } });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.json['correlation_id']).toBe(answer.headers.get('x-correlation-id'));
  });

  it.each([
    ['GET /v1/plans?limti=5', 'limti', 'is not known here; did you mean limit?'],
    ['GET /v1/plans?limit=0', 'limit', 'must be a whole number from 1 to 500'],
    ['GET /v1/plans?limit=abc', 'limit', 'must be a whole number from 1 to 500'],
    [
      'GET /v1/plans?state=gone',
      'state',
      'must be one of draft, planned, denied, awaiting_approval, approved, applying, applied, failed, expired, canceled',
    ],
    ['GET /v1/nodes', 'environment', 'is missing'],
  ])('%s names the field', async (line, field, words) => {
    const { status, json } = await ask(line);
    expect(status).toBe(400);
    expect((json['errors'] as Record<string, string>)[field]).toBe(words);
  });

  it.each(['zz', 'A'.repeat(64), 'a'.repeat(63), '', ' '.repeat(64)])(
    'with the hash "%s" is told so',
    async (plan_hash) => {
      const { json } = await ask(`POST /v1/plans/${NOWHERE}/approve`, { plan_hash });
      expect(json).toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: { plan_hash: expect.stringContaining('64 hex') },
      });
    },
  );

  it('by prototype tricks in JSON is refused', async () => {
    const { status } = await ask('POST /v1/actions/plan', '{"__proto__":{"role":"admin"},"action":"vm.start"}');
    expect(status).toBe(400);
  });

  it('with a path of bad percent-encoding gets a problem too', async () => {
    const answer = await raw('GET /v1/plans/%zz HTTP/1.1');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(answer).toContain('"code":"VALIDATION_FAILED"');
  });

  it('shows no stack, no file of the server and no word of the database', async () => {
    const bodies = ['{"a":', [], { ...START, params: { x: { y: 1 } } }, { plan_id: "1' OR '1'='1" }];
    for (const body of bodies)
      for (const line of ['POST /v1/actions/plan', 'POST /v1/plans', 'POST /v1/actions/apply', 'POST /v1/tokens']) {
        const { text } = await ask(line, body);
        expect(text).not.toMatch(/\bat .*:\d+:\d+|\.ts\b|node_modules|SQLITE|stack/i);
      }
  });
});

describe('an empty body', () => {
  it.each(['with', 'without'])('%s the JSON content type is as good as none for cancel and reject', async (type) => {
    for (const verb of ['cancel', 'reject']) {
      const { json: plan } = await ask('POST /v1/actions/plan', STOP);
      const answer = await ask(
        `POST /v1/plans/${String(plan['plan_id'])}/${verb}`,
        undefined,
        type === 'with' ? JSON_TYPE : {},
      );
      expect(answer, answer.text).toMatchObject({
        status: 200,
        json: { state: verb === 'cancel' ? 'canceled' : 'denied' },
      });
    }
    const gone = await ask(`POST /v1/operations/${NOWHERE}/cancel`, undefined, type === 'with' ? JSON_TYPE : {});
    expect(gone.json).toMatchObject({ code: 'OPERATION_NOT_FOUND' });
  });
});

describe('every answer', () => {
  it('has an id to find it in the log by, and the headers that keep a browser safe', async () => {
    const ids = new Set<string>();
    for (const line of ['GET /healthz', 'GET /v1/me', 'GET /v1/nothing', 'GET /', 'GET /openapi.json']) {
      const { headers } = await ask(line);
      ids.add(headers.get('x-correlation-id') ?? '');
      expect(headers.get('x-content-type-options'), line).toBe('nosniff');
      expect(headers.get('referrer-policy'), line).toBe('no-referrer');
      expect(headers.get('content-security-policy'), line).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
      expect(headers.get('access-control-allow-origin'), line).toBeNull();
      if (line.includes('/v1/')) expect(headers.get('cache-control'), line).toBe('no-store');
    }
    expect(ids.size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('that is the same as before is not sent again', async () => {
    const first = await ask('GET /v1/actions');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]+"$/);
    const second = await ask('GET /v1/actions', undefined, { 'If-None-Match': etag });
    expect(second).toMatchObject({ status: 304, text: '' });
    expect((await ask('GET /v1/actions', undefined, { 'If-None-Match': '"other"' })).status).toBe(200);
    // Not by its tag alone: who may not read it does not learn that it is the same.
    expect((await service.ask('GET /v1/actions', { headers: { 'If-None-Match': etag } })).status).toBe(401);
  });
});

describe('lists', () => {
  it('come in pages, newest first, without gap or repetition', async () => {
    const made: string[] = [];
    for (let count = 0; count < 5; count++)
      made.push(String((await ask('POST /v1/actions/plan', { ...START, dry_run: true })).json['plan_id']));
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const { json } = await ask(`GET /v1/plans?limit=2&state=planned${next === undefined ? '' : `&before=${next}`}`);
      const plans = json['plans'] as { plan_id: string }[];
      expect(plans.length).toBeLessThanOrEqual(2);
      seen.push(...plans.map(({ plan_id }) => plan_id));
      next = json['next'] as string | undefined;
    } while (next !== undefined);
    expect(seen).toEqual(made.toReversed());
  });
});

describe('metrics', () => {
  it('are in the format of Prometheus and count what happened', async () => {
    await ask('POST /v1/actions/plan', { ...START, dry_run: true });
    const { text, headers } = await ask('GET /metrics');
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toMatch(/proxmox_agent_plans_total\{environment="lab",action="vm.start",state="planned"\} [1-9]/);
    expect(text).toMatch(/^# HELP proxmox_agent_/m);
  });
});

describe('an address that does not exist', () => {
  const get = (path: string, accept: string) =>
    fetch(`${service.url}${path}`, { headers: { accept } }).then(({ status, headers }) => [
      status,
      headers.get('content-type')?.split(';')[0],
    ]);

  it('is told by the page in a browser, and as a problem to everybody else', async () => {
    expect(await get('/nope/deeper?x=1', 'text/html,*/*')).toEqual([404, 'text/html']);
    expect(await get('/nope', 'application/json')).toEqual([401, 'application/problem+json']);
    // What there is below /v1 is nobody's business without a token.
    expect(await get('/v1/nope', 'text/html')).toEqual([401, 'application/problem+json']);
    expect((await ask('GET /nope')).json['code']).toBe('NOT_FOUND');
  });
});
