import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLASSES, ROLES, type PrincipalClass, type Role } from '../../src/identity/index.ts';
import { OPEN, ROUTES, Service } from './support.ts';

let service: Service;
const tokens = new Map<string, string>();
beforeAll(async () => {
  service = await Service.start();
  for (const role of ROLES) for (const kind of CLASSES) tokens.set(`${role} ${kind}`, await service.token(role, kind));
});
afterAll(() => service.close());

const method = (route: string): string => route.split(' ')[0] ?? '';

describe('without a token', () => {
  it.each(ROUTES)('%s is refused', async (route, path, body) => {
    const answer = await service.ask(`${method(route)} ${path}`, { body });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.json).toMatchObject({ code: 'UNAUTHENTICATED', detail: 'The request carries no token.' });
  });

  it('a route that there is not is refused too, so that nobody learns which there are', async () => {
    expect(await service.ask('GET /v1/nothing')).toMatchObject({ status: 401 });
  });

  it.each(OPEN)('%s is open to everybody', async (line) => {
    expect((await service.ask(line)).status).toBe(200);
  });
});

describe('with something that is no token', () => {
  it.each([
    ['Basic YTpi', 'The Authorization header must be `Bearer pxa_…`.'],
    ['Bearer', 'The Authorization header must be `Bearer pxa_…`.'],
    ['Bearer a b', 'The Authorization header must be `Bearer pxa_…`.'],
    [`Bearer pxa_${'a'.repeat(48)}`, 'The token is not valid: unknown, expired or revoked.'],
    ['Bearer pxa_', 'The token is not valid: unknown, expired or revoked.'],
  ])('%s is refused', async (Authorization, detail) => {
    const answer = await service.ask('GET /v1/me', { headers: { Authorization } });
    expect(answer).toMatchObject({ status: 401, json: { detail } });
  });
});

/** The least role of each route, by hand: the table that the server makes of its rules is compared with this. */
const LEAST: Readonly<Record<string, Role>> = {
  'POST /v1/actions/plan': 'operator',
  'POST /v1/plans': 'operator',
  'GET /v1/plans': 'viewer',
  'GET /v1/plans/{plan_id}': 'viewer',
  'GET /v1/plans/{plan_id}/explain': 'viewer',
  'GET /v1/policy': 'viewer',
  'GET /v1/calendar': 'viewer',
  'POST /v1/policy/test': 'viewer',
  'POST /v1/policy/reload': 'admin',
  'GET /v1/runbooks': 'viewer',
  'GET /v1/runbooks/{id}': 'viewer',
  'GET /v1/runbook-runs': 'viewer',
  'POST /v1/runbook-runs': 'operator',
  'GET /v1/runbook-runs/{run_id}': 'viewer',
  'GET /v1/runbook-runs/{run_id}/report': 'viewer',
  'POST /v1/runbook-runs/{run_id}/steps/{step}': 'operator',
  'POST /v1/runbook-runs/{run_id}/pause': 'operator',
  'POST /v1/runbook-runs/{run_id}/resume': 'operator',
  'POST /v1/runbook-runs/{run_id}/abort': 'operator',
  'GET /v1/environments/{environment}/health': 'viewer',
  'GET /v1/secrets': 'admin',
  'PUT /v1/secrets/{name}': 'admin',
  'DELETE /v1/secrets/{name}': 'admin',
  'POST /v1/secrets/rotate-key': 'admin',
  'GET /v1/graph': 'viewer',
  'POST /v1/plans/{plan_id}/approve': 'approver',
  'POST /v1/plans/{plan_id}/reject': 'approver',
  'GET /v1/plans/{plan_id}/passkey-challenge': 'approver',
  'POST /v1/plans/{plan_id}/cancel': 'operator',
  'POST /v1/plans/{plan_id}/replan': 'operator',
  'POST /v1/changes': 'operator',
  'GET /v1/changes': 'viewer',
  'GET /v1/changes/metrics': 'viewer',
  'POST /v1/changes/import': 'operator',
  'GET /v1/changes/{change_id}': 'viewer',
  'PATCH /v1/changes/{change_id}': 'operator',
  'GET /v1/changes/{change_id}/export': 'viewer',
  'GET /v1/changes/{change_id}/passkey-challenge': 'approver',
  'POST /v1/changes/{change_id}/approve': 'approver',
  'POST /v1/changes/{change_id}/reject': 'approver',
  'POST /v1/changes/{change_id}/status': 'operator',
  'POST /v1/changes/{change_id}/check': 'operator',
  'POST /v1/changes/{change_id}/criteria/{n}': 'operator',
  'POST /v1/changes/{change_id}/review': 'approver',
  'POST /v1/changes/{change_id}/evidence': 'operator',
  'DELETE /v1/plans/{plan_id}/schedule': 'operator',
  'POST /v1/actions/apply': 'operator',
  'GET /v1/operations': 'viewer',
  'GET /v1/operations/{operation_id}': 'viewer',
  'POST /v1/operations/{operation_id}/cancel': 'operator',
  'POST /v1/operations/{operation_id}/resume': 'operator',
  'GET /v1/actions': 'viewer',
  'GET /v1/environments': 'viewer',
  'GET /v1/nodes': 'viewer',
  'GET /v1/inventory': 'viewer',
  'GET /v1/vm/status': 'viewer',
  'GET /v1/tasks': 'viewer',
  'GET /v1/tasks/status': 'viewer',
  'GET /v1/audit': 'viewer',
  'GET /v1/audit/export': 'approver',
  'GET /v1/audit/key': 'viewer',
  'POST /v1/environments/{environment}/freeze': 'operator',
  'POST /v1/environments/{environment}/thaw': 'approver',
  'POST /v1/tokens': 'admin',
  'GET /v1/tokens': 'admin',
  'DELETE /v1/tokens/{id}': 'admin',
  'GET /v1/events': 'viewer',
  'GET /v1/me': 'viewer',
  'PUT /v1/me/password': 'viewer',
  'POST /v1/me/totp': 'viewer',
  'POST /v1/me/totp/confirm': 'viewer',
  'POST /v1/me/totp/remove': 'viewer',
  'POST /v1/me/recovery-codes': 'viewer',
  'GET /v1/me/passkeys': 'viewer',
  'POST /v1/me/passkeys/options': 'viewer',
  'POST /v1/me/passkeys': 'viewer',
  'POST /v1/me/passkeys/{id}/remove': 'viewer',
  'GET /v1/me/tokens': 'viewer',
  'POST /v1/me/tokens': 'viewer',
  'DELETE /v1/me/tokens/{id}': 'viewer',
  'DELETE /v1/session': 'viewer',
  'POST /v1/session/step-up': 'viewer',
  'GET /v1/session/passkey-challenge': 'viewer',
  'GET /v1/sessions': 'viewer',
  'DELETE /v1/sessions/{id}': 'viewer',
  'GET /v1/people': 'admin',
  'POST /v1/people': 'admin',
  'PATCH /v1/people/{id}': 'admin',
  'POST /v1/people/{id}/reset': 'admin',
  'GET /v1/people/{id}/sessions': 'admin',
  'DELETE /v1/people/{id}/sessions': 'admin',
  'POST /v1/store/backup': 'admin',
  'GET /metrics': 'viewer',
};

/** About a person's own account: a token that stands for itself has none. */
const OWN = /\/v1\/me\/|\/v1\/sessions?\b/;
const PEOPLE =
  /runbook-runs\/.*(resume|abort)$|\/v1\/secrets|\/v1\/people|^POST \/v1\/tokens$|\/thaw$|^POST \/v1\/policy\/reload$/;

/** What a caller is refused with; undefined where the route lets it in, whatever it answers then. */
function refusal(route: string, role: Role, kind: PrincipalClass): string | undefined {
  const least = LEAST[route];
  if (least === undefined) throw new Error(`${route} is not in the table`);
  // First of all, so that an agent is told that it can never approve, and not that its role is too low.
  if (/approve$|reject$|criteria\/\{n\}$|review$|\}\/passkey-challenge$/.test(route) && kind !== 'human')
    return 'APPROVAL_FORBIDDEN';
  if (ROLES.indexOf(role) < ROLES.indexOf(least)) return 'FORBIDDEN';
  if (PEOPLE.test(route) && kind !== 'human') return 'FORBIDDEN';
  if (route === 'POST /v1/store/backup' && kind === 'agent') return 'FORBIDDEN';
  if (OWN.test(route)) return 'FORBIDDEN';
  return undefined;
}

describe.each(ROUTES)('%s', (route, path, body) => {
  it.each(ROLES.flatMap((role) => CLASSES.map((kind) => [role, kind] as const)))(
    'lets a %s of class %s do what the table says',
    async (role, kind) => {
      const { status, json } = await service.ask(`${method(route)} ${path}`, {
        token: tokens.get(`${role} ${kind}`),
        body,
      });
      const code = status === 403 ? json['code'] : undefined;
      expect(code, JSON.stringify(json)).toBe(refusal(route, role, kind));
      expect(status).not.toBe(401);
      expect(status).not.toBe(500);
    },
  );
});

it('the table has every route that the server has', async () => {
  const { json } = await service.ask('GET /openapi.json');
  const paths = json['paths'] as Record<string, Record<string, { security?: unknown[] }>>;
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security === undefined || security.length > 0)
      .map(([verb]) => `${verb.toUpperCase()} ${path}`),
  );
  expect(served.sort()).toEqual(Object.keys(LEAST).sort());
  // And each of them is called, above.
  expect(ROUTES.map(([route]) => route).sort()).toEqual(served);
  const rules = service.app.server.accessTable.flatMap(({ route, rule }) =>
    rule === 'public' ? [] : [[route, rule.role]],
  );
  expect(Object.fromEntries(rules)).toEqual(LEAST);
});
