import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/harness.ts';
import { lab, Service, START, STOP, type Got } from './support.ts';

const RULES = `rules:
  - id: staging.stop
    description: Staging may be stopped
    when: action.name == "vm.stop" && "staging" in target.tags
    effect: allow
    why: staging is there to be stopped
  - id: no.reboots
    description: No reboots
    when: action.name == "vm.reboot"
    effect: deny
    why: nothing is rebooted
`;
const TESTS = {
  tests: [
    {
      name: 'staging',
      input: { action: 'vm.stop', target: { tags: ['staging'] } },
      expect: { outcome: 'allow', rules: ['staging.stop'] },
    },
    { name: 'wrong', input: { action: 'vm.reboot' }, expect: { outcome: 'allow' } },
  ],
};

const folder = temporaryDirectory();
const file = join(folder.path, 'policy.yaml');
let service: Service;
let token = '';
let viewer = '';
beforeAll(async () => {
  writeFileSync(file, RULES);
  service = await Service.start({
    settings: {
      policy: file,
      timeZone: 'Europe/Vienna',
      services: [
        { name: 'shop', tier: 1, guests: ['vm/301'], depends_on: ['dns'] },
        { name: 'dns', tier: 1, guests: ['vm/101'], depends_on: [] },
      ],
    },
  });
  token = await service.token('admin');
  viewer = await service.token('viewer', 'agent', ['lab']);
});
afterAll(async () => {
  await service.close();
  folder.remove();
});

const post = (path: string, body: unknown = {}): Promise<Got> => service.ask(`POST ${path}`, { token, body });
const get = async (path: string, as = token): Promise<Record<string, unknown>> =>
  (await service.ask(`GET ${path}`, { token: as })).json;

describe('the policy over HTTP', () => {
  it('shows its rules, its version and how strict each environment is', async () => {
    const policy = await get('/v1/policy', viewer);
    expect(policy).toMatchObject({
      time_zone: 'Europe/Vienna',
      rules: [{ id: 'no.reboots' }, { id: 'staging.stop', reads: ['action.name', 'target.tags'] }],
      environments: [{ name: 'lab', production: false, strictness: 'standard' }],
      versions: [{ version: 1, hash: policy['hash'], by: { id: 'system' } }],
    });
  });

  it('decides, and the decision names the version', async () => {
    const { hash } = await get('/v1/policy');
    expect((await post('/v1/actions/plan', STOP)).json).toMatchObject({
      state: 'approved',
      decision: { outcome: 'allow', policy: hash, rules: [{ id: 'staging.stop' }] },
      change_category: { proposed: 'standard' },
    });
    expect((await post('/v1/actions/plan', { ...STOP, action: 'vm.reboot' })).json).toMatchObject({
      state: 'denied',
      decision: { outcome: 'deny', rules: [{ id: 'no.reboots', why: 'nothing is rebooted' }] },
    });
  });

  it('runs examples and counts them', async () => {
    const { json } = await post('/v1/policy/test', TESTS);
    expect(json).toMatchObject({
      passed: 1,
      failed: 1,
      results: [{ passed: true }, { passed: false, differences: ['outcome: expected allow, got deny'] }],
    });
    expect((await post('/v1/policy/test', { tests: [{ name: 'x' }] })).json).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });

  it('explains a plan with the values that each rule read', async () => {
    const { plan_id } = (await post('/v1/actions/plan', STOP)).json;
    expect(await get(`/v1/plans/${String(plan_id)}/explain`, viewer)).toMatchObject({
      policy: { in_force: true },
      rules: [
        {
          id: 'no.reboots',
          result: 'not matched',
          words: 'no.reboots does not apply to vm/303 (action.name is "vm.stop")',
        },
        {
          id: 'staging.stop',
          result: 'matched',
          values: { 'action.name': 'vm.stop', 'target.tags': ['staging'] },
          words: expect.stringContaining('so it is allowed: staging is there to be stopped') as string,
        },
      ],
      now: { outcome: 'allow' },
    });
  });
});

describe('a rule for another environment', () => {
  it('is not shown to who may not see that environment', async () => {
    const path = join(folder.path, 'two.yaml');
    writeFileSync(path, RULES.replace('effect: deny', 'effect: deny\n    environments: [other]'));
    const two = await Service.start({ environments: [lab('lab'), lab('other')], settings: { policy: path } });
    const ask = async (url: string, as: string): Promise<string> => (await two.ask(`GET ${url}`, { token: as })).text;
    const [all, one] = [await two.token('operator'), await two.token('operator', 'human', ['lab'])];
    const { json } = await two.ask('POST /v1/actions/plan', { token: one, body: STOP });
    for (const url of ['/v1/policy', `/v1/plans/${String(json['plan_id'])}/explain`]) {
      expect(await ask(url, all)).toContain('no.reboots');
      expect(await ask(url, one)).not.toMatch(/no\.reboots|"other"/);
    }
    await two.close();
  });
});

describe('a policy that changes', () => {
  it('is judged by again at the apply, is written down, and explains older plans by what decided them', async () => {
    const { plan_id } = (await post('/v1/actions/plan', STOP)).json;
    writeFileSync(file, RULES.replace('effect: allow', 'effect: deny'));
    const { json } = await post('/v1/policy/reload');
    expect(json).toMatchObject({ changed: true });
    expect((await post('/v1/actions/apply', { plan_id })).json).toMatchObject({
      code: 'POLICY_DENIED',
      detail: 'staging is there to be stopped',
    });
    expect(await get(`/v1/plans/${String(plan_id)}/explain`)).toMatchObject({
      policy: { in_force: false },
      decision: { outcome: 'allow' },
      rules: [{}, { effect: 'allow', result: 'matched' }],
      now: { outcome: 'deny' },
    });
    const { id } = await get('/v1/me');
    expect((await get('/v1/policy'))['versions']).toMatchObject([{ version: 2, by: { id } }, { version: 1 }]);
    const { records } = (await get('/v1/audit?after=0')) as { records: { event: string; payload: unknown }[] };
    const changes = records.filter(({ event }) => event === 'policy.changed');
    expect(changes).toMatchObject([{ payload: { before: null } }, { payload: { hash: json['hash'] } }]);
    expect((await post('/v1/policy/reload')).json).toMatchObject({ changed: false });
  });

  it('and is broken is refused with the place, and the rules in force stay', async () => {
    const { hash } = await get('/v1/policy');
    writeFileSync(file, RULES.replace('target.tags', 'target.tagz'));
    expect(await post('/v1/policy/reload')).toMatchObject({
      status: 422,
      json: { code: 'POLICY_INVALID', errors: { 'policy.yaml:4:59': 'when: there is no field "tagz"' } },
    });
    expect((await get('/v1/policy'))['hash']).toBe(hash);
    await expect(Service.start({ settings: { policy: file } })).rejects.toMatchObject({ code: 'POLICY_INVALID' });
    await expect(Service.start({ settings: { policy: join(folder.path, 'none') } })).rejects.toMatchObject({
      code: 'POLICY_INVALID',
    });
  });
});

describe('the reach of a plan', () => {
  it('is what depends on what is touched, and raises the risk with its reason', async () => {
    expect((await post('/v1/actions/plan', START)).json).toMatchObject({
      blast_radius: {
        guests: ['vm/301'],
        services: ['shop'],
        score: 27,
        touched: ['vm/301'],
        dependents: [{ object: 'service/shop', by: 'vm/301', why: 'vm/301 carries it (configuration)' }],
      },
      risk: { level: 'high', raises: [{ to: 'high', reason: 'the tier-1 service shop depends on vm/301' }] },
    });
    const both = (
      await post('/v1/actions/plan', {
        ...START,
        action: 'snapshot.create',
        target: 'vm/101',
        params: { name: 'before' },
      })
    ).json;
    expect(both).toMatchObject({
      blast_radius: { services: ['dns', 'shop'] },
      change_category: { proposed: 'normal' },
    });
  });

  it('comes from a graph that anybody may read who may see the environment', async () => {
    type Graph = { objects: { id: string; kind: string }[]; edges: { from: string; to: string; why: string }[] };
    const graph = (await get('/v1/graph?environment=lab', viewer)) as unknown as Graph;
    expect(graph.objects.filter(({ kind }) => kind === 'node')).toHaveLength(5);
    expect(graph.edges).toContainEqual({
      from: 'service/shop',
      to: 'service/dns',
      why: 'it depends on dns (configuration)',
    });
    expect(graph.edges).toContainEqual({
      from: 'vm/101',
      to: 'backup-job/nightly',
      why: 'the backup job nightly backs it up',
    });
    const whole = (await get('/v1/graph?environment=lab&detail=guests', viewer)) as unknown as Graph;
    expect(whole.edges).toContainEqual({ from: 'vm/111', to: 'storage/nas', why: 'its scsi0 is on nas' });
    expect(whole.edges.some(({ from, to }) => from === 'vm/101' && to === 'vlan/20')).toBe(true);
    expect(whole.objects).toContainEqual(
      expect.objectContaining({
        id: 'bridge/pve1/vmbr0',
        marks: expect.arrayContaining(['carries the corosync link of pve1']) as unknown,
      }),
    );
    expect((await service.ask('GET /v1/graph?environment=other', { token: viewer })).status).toBe(403);
  });
});
