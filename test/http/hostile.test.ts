import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerCode } from '../../src/identity/index.ts';
import { Service, START, type Got } from './support.ts';

let service: Service;
let directory = '';
beforeAll(async () => {
  service = await Service.twoLabs();
  directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-'));
});
afterAll(async () => {
  await service.close();
  rmSync(directory, { recursive: true, force: true });
});
const ask = (line: string, token: string, body?: unknown): Promise<Got> => service.ask(line, { token, body });

describe('the link for the owner', () => {
  it('of an earlier start makes no second owner', async () => {
    const [first, second] = [await ownerCode(service.app.identity), await ownerCode(service.app.identity)];
    const use = (code?: string) => service.ask('POST /v1/owner', { body: { code } });
    expect((await use(first)).status).toBe(201);
    expect(await use(second)).toMatchObject({ status: 401, json: { code: 'UNAUTHENTICATED' } });
  });
});

describe('who is no person', () => {
  it.each(['agent', 'service'] as const)('a %s revokes its own token and nobody else’s', async (kind) => {
    const human = await service.token('admin');
    const { id: humans } = (await ask('GET /v1/me', human)).json;
    const own = await service.token('admin', kind);
    const { id } = (await ask('GET /v1/me', own)).json;
    expect(await ask(`DELETE /v1/tokens/${String(humans)}`, own)).toMatchObject({ json: { code: 'FORBIDDEN' } });
    expect((await ask('GET /v1/me', human)).status).toBe(200);
    expect((await ask(`DELETE /v1/tokens/${String(id)}`, own)).status).toBe(204);
    expect((await ask('GET /v1/me', own)).status).toBe(401);
  });
});

describe('a backup', () => {
  it('is never written over what there is, nor through a link', async () => {
    const admin = await service.token('admin');
    const file = join(directory, 'keys.json');
    const link = join(directory, 'link');
    writeFileSync(file, 'precious');
    symlinkSync(join(directory, 'nowhere'), link);
    for (const taken of [file, link])
      expect(await ask('POST /v1/store/backup', admin, { file: taken })).toMatchObject({
        status: 400,
        json: { code: 'VALIDATION_FAILED', errors: { file: 'must not exist yet' } },
      });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect((await ask('POST /v1/store/backup', admin, { file: join(directory, 'new') })).status).toBe(200);
  });
});

describe('a token for one environment', () => {
  it('learns nothing of others from the metrics or from records that are about all', async () => {
    const admin = await service.token('admin');
    await ask('POST /v1/tokens', admin, {
      name: 'hidden-name',
      role: 'viewer',
      class: 'agent',
      environments: ['other'],
    });
    const scoped = await service.token('admin', 'human', ['lab']);
    expect(await ask('GET /metrics', scoped)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
    await ask('POST /v1/tokens', scoped, { name: 'own-name', role: 'viewer', class: 'agent', environments: ['lab'] });
    const { text } = await ask('GET /v1/audit?last=500', scoped);
    expect(text).not.toContain('hidden-name');
    expect(text).toContain('own-name');
  });
});

describe('a stream of events', () => {
  it('ends with the token that it was opened with', async () => {
    const admin = await service.token('admin');
    const watcher = await service.token('viewer');
    const { id } = (await ask('GET /v1/me', watcher)).json;
    const answer = await fetch(`${service.url}/v1/events`, { headers: { Authorization: `Bearer ${watcher}` } });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const next = async () => (await reader?.read())?.value;
    expect(await next()).toContain('connected');
    expect((await ask('POST /v1/actions/plan', admin, START)).status).toBe(201);
    expect(await next()).toContain('plan.created');
    expect((await ask(`DELETE /v1/tokens/${String(id)}`, admin)).status).toBe(204);
    expect((await ask('POST /v1/actions/plan', admin, START)).status).toBe(201);
    expect(await next()).toBeUndefined();
  });
});

describe('a path', () => {
  it('out of the folder of the page leads nowhere', async () => {
    expect(await service.ask('GET /assets/..%2f..%2f..%2fpackage.json')).toMatchObject({
      status: 404,
      json: { code: 'NOT_FOUND' },
    });
  });

  it('with too long a name is the caller’s mistake', async () => {
    const admin = await service.token('admin');
    const answer = await ask(`GET /v1/plans/${'a'.repeat(3000)}`, admin);
    expect(answer).toMatchObject({ status: 400, json: { code: 'VALIDATION_FAILED' } });
    expect(answer.text.length).toBeLessThan(1000);
  });

  it.each(['node=..&upid=UPID:pve1:x', 'node=pve1&upid=..', 'node=.&upid=x'])(
    'of Proxmox VE is not climbed by %s',
    async (query) => {
      const admin = await service.token('admin');
      expect(await ask(`GET /v1/tasks/status?environment=lab&${query}`, admin)).toMatchObject({
        status: 400,
        json: { code: 'VALIDATION_FAILED' },
      });
    },
  );
});

describe('a target', () => {
  it('has one spelling, for locks go by it', async () => {
    const admin = await service.token('admin');
    for (const target of ['vm/0301', 'vm/00301', 'qemu/0301'])
      expect(await ask('POST /v1/actions/plan', admin, { ...START, target })).toMatchObject({
        status: 400,
        json: { code: 'VALIDATION_FAILED', errors: { target: expect.any(String) as string } },
      });
  });
});
