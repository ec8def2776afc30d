import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLASSES, ROLES, type PrincipalClass, type Role } from '../../src/identity/index.ts';
import { allow } from '../../src/surfaces/http/access.ts';
import { addAuthentication } from '../../src/surfaces/http/auth.ts';
import { join as invite } from './browser.ts';
import { BOOTSTRAP, Service, START, STOP, type Got } from './support.ts';

/**
 * Every route, called by every class with every role in its own environment, in another one and in all, by tokens that
 * stand for themselves and by people: each is let in or refused as `docs/access.md` says.
 */
interface Row {
  readonly route: string;
  readonly who: string;
  readonly role: Role;
  readonly environment: string;
}
const TABLE: Row[] = readFileSync(join(import.meta.dirname, '../../docs/access.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, route, who = '', role, environment = ''] =
      /^\| `([^`]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$/.exec(line) ?? [];
    return route === undefined || who === 'everybody' ? [] : [{ route, who, role: role as Role, environment }];
  });

let service: Service;
/** What is looked for in the environment `lab`. */
let found: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  service = await Service.twoLabs();
  const plan = await ask('POST /v1/actions/plan', BOOTSTRAP, STOP);
  const done = await ask('POST /v1/actions/plan', BOOTSTRAP, {
    environment: 'lab',
    action: 'vm.read',
    target: 'vm/101',
  });
  const operation = await ask('POST /v1/actions/apply?wait=30', BOOTSTRAP, { plan_id: done.json['plan_id'] });
  expect(operation.json, operation.text).toMatchObject({ state: 'applied' });
  await ask(`POST /v1/plans/${String(plan.json['plan_id'])}/cancel`, BOOTSTRAP, {});
  const of = { role: 'viewer', class: 'agent', environments: ['lab'] };
  const token = await ask('POST /v1/tokens', BOOTSTRAP, { name: 'of lab', ...of });
  const { id } = await invite(service, BOOTSTRAP, 'of-lab', { lab: 'viewer' });
  const run = await ask('POST /v1/runbook-runs', BOOTSTRAP, RUN);
  expect(run.status, run.text).toBe(201);
  const record = { title: 'of lab', environments: ['lab'], validation: [{ text: 'it works' }] };
  const change = await ask('POST /v1/changes', BOOTSTRAP, record);
  found = {
    '{run_id}': String(run.json['run_id']),
    '{step}': '1',
    'runbooks/{id}': 'runbooks/secrets',
    'secrets/{name}': 'secrets/none',
    '{change_id}': String(change.json['id']),
    '{n}': '1',
    '{plan_id}': String(plan.json['plan_id']),
    '{operation_id}': String(operation.json['operation_id']),
    '{environment}': 'lab',
    'tokens/{id}': `tokens/${String(token.json['id'])}`,
    'people/{id}': `people/${id}`,
  };
});
afterAll(() => service.close());
const ask = (line: string, token: string, body?: unknown): Promise<Got> => service.ask(line, { token, body });

const RUN = {
  runbook: 'vm-provisioning',
  parameters: {
    environment: 'lab',
    template: 9000,
    vmid: 320,
    name: 'wiki',
    address: '192.168.30.70/24',
    gateway: '192.168.30.1',
    user: 'admin',
    ssh_key: 'ssh-ed25519 AAAAC3Nza ana@desk',
    tag: 'wiki',
  },
};

/** What is sent to a route beside its path. What would change something for the next caller is made to come to nothing. */
const SENT: Readonly<Record<string, { readonly query?: string; readonly body?: object }>> = {
  'POST /v1/actions/plan': { body: { ...START, dry_run: true } },
  'POST /v1/plans': { body: { actions: [{ ...START, id: 'a' }] } },
  'POST /v1/actions/apply': { body: { plan_id: '{plan_id}' } },
  'POST /v1/plans/{plan_id}/approve': { body: { plan_hash: 'a'.repeat(64) } },
  'POST /v1/environments/{environment}/freeze': { body: { reason: 'a test' } },
  'POST /v1/environments/{environment}/thaw': { body: { reason: 'a test' } },
  'GET /v1/nodes': { query: '?environment=lab' },
  'GET /v1/graph': { query: '?environment=lab' },
  'POST /v1/runbook-runs': { body: RUN },
  'POST /v1/runbook-runs/{run_id}/steps/{step}': { body: { do: 'run' } },
  'POST /v1/runbook-runs/{run_id}/pause': { body: { reason: 'a test' } },
  'POST /v1/runbook-runs/{run_id}/abort': { body: { reason: 'a test' } },
  'PUT /v1/secrets/{name}': { body: {} },
  'POST /v1/secrets/rotate-key': { body: {} },
  'POST /v1/changes': { body: { title: 'made', environments: ['lab'] } },
  'POST /v1/changes/import': { body: { markdown: '---\nid: CC-001\nenvironments: [lab]\n---\n# made\n' } },
  'PATCH /v1/changes/{change_id}': { body: { digest: 'a'.repeat(64) } },
  'POST /v1/changes/{change_id}/approve': { body: { digest: 'a'.repeat(64) } },
  'POST /v1/changes/{change_id}/reject': { body: { note: 'a test' } },
  'POST /v1/changes/{change_id}/status': { body: { status: 'planned' } },
  'POST /v1/changes/{change_id}/criteria/{n}': { body: { result: 'passed' } },
  'POST /v1/changes/{change_id}/review': { body: { text: 'a test' } },
  'POST /v1/changes/{change_id}/evidence': { body: { text: 'a test' } },
  'POST /v1/policy/test': { body: { tests: [] } },
  'GET /v1/inventory': { query: '?environment=lab' },
  'GET /v1/vm/status': { query: '?environment=lab&target=vm/101' },
  'GET /v1/tasks': { query: '?environment=lab' },
  'GET /v1/tasks/status': { query: '?environment=lab&node=pve1&upid=nonsense' },
  'GET /v1/events': { query: '?last_event_id=-1' },
  'POST /v1/store/backup': { body: { file: 'relative' } },
  'POST /v1/tokens': { body: { name: 'made', role: 'viewer', class: 'agent', environments: ['lab'] } },
  'POST /v1/me/tokens': { body: { name: 'made', role: 'viewer', class: 'agent', environments: ['lab'] } },
  'POST /v1/people': { body: { name: 'of-lab', grants: { lab: 'viewer' } } },
  'PATCH /v1/people/{id}': { body: {} },
  'PUT /v1/me/password': { body: { password: 'short', current_password: 'x' } },
  'POST /v1/me/passkeys': { body: { name: '' } },
  'POST /v1/me/totp/confirm': { body: { code: '000000' } },
  'POST /v1/session/step-up': { body: { factor: 1 } },
};
/** They end the caller, or answer that there is nothing of this name; looked at elsewhere. */
const APART = new Set([
  'DELETE /v1/secrets/{name}',
  'DELETE /v1/plans/{plan_id}/schedule',
  'DELETE /v1/session',
  'DELETE /v1/sessions/{id}',
  'DELETE /v1/me/tokens/{id}',
  'POST /v1/me/passkeys/{id}/remove',
]);

async function call({ route }: Row, token: string): Promise<Got> {
  const { query = '', body } = SENT[route] ?? {};
  let line = route + query;
  for (const [name, value] of Object.entries(found)) line = line.replace(name, value);
  const text = body === undefined ? undefined : JSON.stringify(body).replace('{plan_id}', found['{plan_id}'] ?? '');
  return service.ask(line, { token, body: text ?? (route.startsWith('POST') ? {} : undefined) });
}

type Grants = Readonly<Record<string, Role>>;
const inLab = (grants: Grants): Role | undefined => grants['lab'] ?? grants['*'];
const atLeast = (held: Role | undefined, role: Role): boolean =>
  held !== undefined && ROLES.indexOf(held) >= ROLES.indexOf(role);

/** `refused` 403, `hidden` 404, or let in. */
function expected(
  { route, who, role, environment }: Row,
  grants: Grants,
  kind: PrincipalClass,
  account: boolean,
): string {
  if (kind !== 'human' && !who.includes(kind)) return 'refused';
  if (who === 'person with an account' && !account) return 'refused';
  // Who has no rights anywhere is somebody all the same, and may look at what is of no environment.
  if (role !== 'viewer' && !Object.values(grants).some((held) => atLeast(held, role))) return 'refused';
  const here = inLab(grants);
  if (environment === 'all')
    return grants['*'] !== undefined && Object.values(grants).every((held) => atLeast(held, role)) ? 'in' : 'refused';
  if (environment.startsWith('named')) return atLeast(here, role) ? 'in' : 'refused';
  if (["the plan's", "the operation's", "the run's", "all of the change's"].includes(environment))
    return here === undefined ? 'hidden' : atLeast(here, role) ? 'in' : 'refused';
  if (
    environment.startsWith('where the caller has') &&
    !route.startsWith('GET /v1/tokens') &&
    route !== 'GET /v1/people'
  ) {
    if (route === 'GET /v1/me/tokens') return 'in';
    if (route === 'DELETE /v1/tokens/{id}' && kind !== 'human' && here === 'admin') return 'refused';
    return atLeast(here, role) ? 'in' : route.includes('{id}') ? 'hidden' : 'refused';
  }
  return 'in';
}

const outcome = ({ status }: Got): string => (status === 403 ? 'refused' : status === 404 ? 'hidden' : 'in');

async function compare(token: string, grants: Grants, kind: PrincipalClass, account: boolean): Promise<void> {
  const wrong: string[] = [];
  for (const row of TABLE.filter(({ route }) => !APART.has(route))) {
    const got = await call(row, token);
    if (got.status === 401 || got.status === 500) wrong.push(`${row.route}: ${got.status} ${got.text}`);
    const wanted = expected(row, grants, kind, account);
    if (outcome(got) !== wanted) wrong.push(`${row.route}: ${outcome(got)}, not ${wanted}: ${got.text.slice(0, 200)}`);
    const refusal =
      /approve$|reject$|criteria\/\{n\}$|review$|\}\/passkey-challenge$/.test(row.route) && kind !== 'human';
    if (refusal && got.json['code'] !== 'APPROVAL_FORBIDDEN') wrong.push(`${row.route}: ${got.text}`);
  }
  expect(wrong).toEqual([]);
}

it('the table has what the server has', () => {
  const served = service.app.server.accessTable.filter(({ rule }) => rule !== 'public').map(({ route }) => route);
  expect(TABLE.map(({ route }) => route).sort()).toEqual(served.sort());
  expect(TABLE.length).toBeGreaterThan(50);
});

it('a route without a rule does not start', () => {
  const server = fastify();
  addAuthentication(server, service.app as never);
  const add =
    (url: string, config: { rule?: ReturnType<typeof allow> | 'public' } = {}) =>
    () =>
      server.get(url, { config }, () => 'x');
  expect(add('/v1/forgotten')).toThrow('route GET /v1/forgotten has no rule');
  expect(add('/v1/open', { rule: 'public' })).not.toThrow();
  expect(add('/v1/held', { rule: allow('viewer', 'none') })).not.toThrow();
});

const SCOPES = [
  ['its own environment', ['lab']],
  ['another environment', ['other']],
  ['all environments', undefined],
] as const;

describe.each(CLASSES)('a token of class %s', (kind) => {
  describe.each(ROLES)('with the role %s', (role) => {
    it.each(SCOPES)('in %s', async (_, environments) => {
      const token = await service.token(role, kind, environments === undefined ? undefined : [...environments]);
      const grants = Object.fromEntries((environments ?? ['*']).map((name) => [name, role]));
      await compare(token, grants, kind, false);
    });
  });
});

const MIXED: Grants[] = [
  ...ROLES.flatMap((role): Grants[] => [{ lab: role }, { other: role }, { '*': role }]),
  { lab: 'viewer', other: 'admin' },
  { lab: 'admin', other: 'viewer' },
  { '*': 'admin', lab: 'viewer' },
  { '*': 'viewer', lab: 'approver' },
  {},
];

describe('a person', () => {
  it.each(MIXED.map((grants, index) => [JSON.stringify(grants), grants, `p${index}`] as const))(
    'with %s',
    async (_, grants, name) => {
      const { browser } = await invite(service, BOOTSTRAP, name, { ...grants });
      const highest = ROLES.findLast((role) => Object.values(grants).includes(role)) ?? 'viewer';
      // In all it has: the token is bounded by the person wherever it is used.
      const body = { name, password: 'a-quiet-harbour-47', token: { name: 't', expires_in: '1d' } };
      const { json } = await service.ask('POST /v1/login', { body });
      expect(json, JSON.stringify(json)).toMatchObject({ role: highest });
      await compare(String(json['token']), grants, 'human', true);
      for (const kind of ['service', 'agent'] as const) {
        const environments = Object.keys(grants).filter((one) => one !== '*');
        if (environments.length !== 1 || Object.keys(grants).length !== 1) continue;
        const own = { name: 'mine', role: highest, class: kind, environments };
        const made = await browser.ask('POST /v1/me/tokens', own);
        await compare(String(made.json['token']), grants, kind, false);
      }
    },
  );
});
