import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { ownerCode } from '../../src/identity/index.ts';
import { BOOTSTRAP, Service, START, type Got } from './support.ts';

let service: Service;
/** The real time, and what was added to it: nothing that waits in the background moves it. */
let added = 0;
const clock = {
  now: () => stands + added,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms, signal),
  advance: (ms: number) => void (added += ms),
};
const stands = Date.now();
beforeAll(async () => {
  service = await Service.start({ clock });
});
afterAll(() => service.close());
const ask = (line: string, token: string, body?: unknown): Promise<Got> => service.ask(line, { token, body });
const make = async (body: object = {}): Promise<{ id: string; token: string }> =>
  (await ask('POST /v1/tokens', BOOTSTRAP, { name: 'ci', role: 'viewer', class: 'service', ...body })).json as never;

describe('a token', () => {
  it('is shown once and never again: not in lists, nor in the audit log, nor in metrics', async () => {
    const { id, token } = await make();
    expect(token).toMatch(/^pxa_[0-9A-Za-z]{40}[0-9a-f]{8}$/);
    for (const line of ['GET /v1/tokens', 'GET /v1/audit?limit=500', 'GET /v1/audit/export', 'GET /metrics'])
      expect((await ask(line, BOOTSTRAP)).text, line).not.toContain(token.slice(4, 40));
    const { tokens } = (await ask('GET /v1/tokens', BOOTSTRAP)).json as { tokens: { id: string }[] };
    expect(tokens.find((one) => one.id === id)).toMatchObject({ name: 'ci', role: 'viewer', class: 'service' });
  });

  it('says who holds it', async () => {
    const { id, token } = await make({ name: 'robot', class: 'agent', environments: ['lab'] });
    expect((await ask('GET /v1/me', token)).json).toEqual({
      id,
      name: 'robot',
      role: 'viewer',
      class: 'agent',
      environments: ['lab'],
    });
  });

  it('with a mistyped letter is no token', async () => {
    const { token } = await make();
    for (const place of [4, 20, 43, 44, 51]) {
      const letter = token[place] === 'a' ? 'b' : 'a';
      const typo = token.slice(0, place) + letter + token.slice(place + 1);
      expect((await ask('GET /v1/me', typo)).status).toBe(401);
    }
  });

  it('is good until it expires', async () => {
    const { token } = await make({ expires_in: '2h' });
    clock.advance(2 * 3_600_000 - 1);
    expect((await ask('GET /v1/me', token)).status).toBe(200);
    clock.advance(1);
    expect(await ask('GET /v1/me', token)).toMatchObject({ status: 401, json: { code: 'UNAUTHENTICATED' } });
  });

  it('is good until it is revoked, and revoking again changes nothing', async () => {
    const { id, token } = await make();
    expect((await ask('GET /v1/me', token)).status).toBe(200);
    expect((await ask(`DELETE /v1/tokens/${id}`, BOOTSTRAP)).status).toBe(204);
    expect((await ask('GET /v1/me', token)).status).toBe(401);
    expect((await ask(`DELETE /v1/tokens/${id}`, BOOTSTRAP)).status).toBe(204);
    expect((await ask('DELETE /v1/tokens/nobody', BOOTSTRAP)).json).toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    [{ role: 'root' }, 'role'],
    [{ class: 'alien' }, 'class'],
    [{ expires_in: 'soon' }, 'expires_in'],
    [{ expires_in: '0d' }, 'expires_in'],
    [{ environments: [] }, 'environments'],
    [{ name: '' }, 'name'],
    [{ scope: 'all' }, 'scope'],
  ])('is not made from %j', async (body, field) => {
    const { status, json } = await ask('POST /v1/tokens', BOOTSTRAP, {
      name: 'ci',
      role: 'viewer',
      class: 'agent',
      ...body,
    });
    expect(status).toBe(400);
    expect(Object.keys(json['errors'] as object)).toEqual([field]);
  });
});

describe('the bootstrap token', () => {
  it('is an owner of class human, and each use of it is in the audit log', async () => {
    const before = (await ask('GET /v1/audit?last=1', BOOTSTRAP)).json['head'] as number;
    expect((await ask('GET /v1/me', BOOTSTRAP)).json).toMatchObject({ role: 'admin', class: 'human' });
    await ask('POST /v1/actions/plan', BOOTSTRAP, { ...START, dry_run: true });
    const { records } = (await ask(`GET /v1/audit?after=${before}`, BOOTSTRAP)).json as {
      records: { event: string; payload: { what?: string } }[];
    };
    const uses = records
      .filter(({ event }) => event === 'auth.bootstrap_token.used')
      .map(({ payload }) => payload.what);
    expect(uses).toEqual(['GET /v1/me', 'POST /v1/actions/plan', 'GET /v1/audit']);
    expect(JSON.stringify(records)).not.toContain(BOOTSTRAP);
  });

  it('has to be whole', async () => {
    expect((await ask('GET /v1/me', BOOTSTRAP.slice(0, -1))).status).toBe(401);
    expect((await ask('GET /v1/me', `${BOOTSTRAP}x`)).status).toBe(401);
  });
});

describe('the link for the owner', () => {
  it('makes one owner, once, within a day', async () => {
    const [code, late] = [await ownerCode(service.app.identity), await ownerCode(service.app.identity)];
    const open = (text: string | undefined): Promise<Got> =>
      service.ask('POST /v1/owner', { body: { code: text ?? '' } });
    expect(await open('guess')).toMatchObject({ status: 401, json: { code: 'UNAUTHENTICATED' } });
    const made = await open(code);
    expect(made).toMatchObject({ status: 201, json: { role: 'admin', class: 'human', name: 'owner' } });
    expect((await ask('GET /v1/tokens', String(made.json['token']))).status).toBe(200);
    expect((await open(code)).status).toBe(401);
    clock.advance(24 * 3_600_000);
    expect((await open(late)).status).toBe(401);
    expect(await ownerCode(service.app.identity)).toBeUndefined();
  });

  it('cannot be guessed by trying', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 12; count++)
      statuses.push((await service.ask('POST /v1/owner', { body: { code: `guess-${count}` } })).status);
    expect(statuses.at(-1)).toBe(429);
    const { json, headers } = await service.ask('POST /v1/owner', { body: { code: 'x' } });
    expect(json).toMatchObject({ code: 'RATE_LIMITED' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
