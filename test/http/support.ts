import { createApp, type App } from '../../src/app.ts';
import { createToken, type Principal, type PrincipalClass, type Role } from '../../src/identity/index.ts';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import type { Config } from '../../src/kernel/config.ts';
import { DEFAULT_AUTH } from '../../src/kernel/config_auth.ts';
import { systemIds } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { temporaryDirectory } from '../support/harness.ts';

export const BOOTSTRAP = 'bootstrap-token-for-tests-0123456789';
export const lab = (name: string): Config['environments'][number] => ({
  name,
  endpoints: [],
  auth: undefined,
  tls: {},
  production: false,
  simulator: 'enterprise',
});
export const owner: Principal = {
  id: 'test',
  name: 'test',
  class: 'human',
  role: 'admin',
  environments: null,
  via: 'cli',
  method: 'token',
};

export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}
export interface Ask {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** By another name of the server. */
  readonly base?: string;
  readonly redirect?: 'follow' | 'manual';
}

/** The whole product on a free port with labs of its own, asked by real HTTP. */
export class Service {
  readonly app: App;
  readonly url: string;
  readonly #remove: () => void;

  private constructor(app: App, url: string, remove: () => void) {
    this.app = app;
    this.url = url;
    this.#remove = remove;
  }

  static async start(
    options: {
      readonly environments?: Config['environments'];
      readonly clock?: Clock;
      readonly auth?: Config['auth'];
      /** Further settings, such as `policy`. */
      readonly settings?: Partial<Config>;
    } = {},
  ): Promise<Service> {
    const { environments = [lab('lab')], clock = systemClock, auth = DEFAULT_AUTH, settings = {} } = options;
    const directory = temporaryDirectory();
    const config: Config = {
      environments,
      host: '127.0.0.1',
      port: 0,
      data: directory.path,
      logLevel: 'silent',
      database: undefined,
      bootstrapToken: new Secret(BOOTSTRAP),
      auth,
      ...settings,
    };
    const app = await createApp({ config, clock, ids: systemIds(clock), log: silentLogger });
    const url = await app.server.listen({ host: '127.0.0.1', port: 0 });
    return new Service(app, url, directory.remove);
  }

  static twoLabs(options: { readonly clock?: Clock; readonly auth?: Config['auth'] } = {}): Promise<Service> {
    return Service.start({ environments: [lab('lab'), lab('other')], ...options });
  }

  async token(
    role: Role,
    kind: PrincipalClass = 'human',
    environments?: string[],
    expires_in?: string,
  ): Promise<string> {
    const { token } = await createToken(
      this.app.identity,
      { name: `${kind} ${role}`, role, class: kind, environments, expires_in },
      owner,
    );
    return token;
  }

  /** `line` is `METHOD /path`. */
  async ask(line: string, { token, body, headers = {}, base = this.url, redirect = 'follow' }: Ask = {}): Promise<Got> {
    const [method = '', path = ''] = line.split(' ');
    const answer = await fetch(`${base}${path}`, {
      method,
      redirect,
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = /json\b/.test(answer.headers.get('content-type') ?? '') && text !== '' && !text.includes('}\n{');
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      json: json ? (JSON.parse(text) as Record<string, unknown>) : {},
    };
  }

  async close(): Promise<void> {
    await this.app.close();
    this.#remove();
  }
}

export const START = { environment: 'lab', action: 'vm.start', target: 'vm/301' };
export const STOP = { environment: 'lab', action: 'vm.stop', target: 'vm/303' };
export const NOWHERE = '01900000-0000-7000-8000-000000000000';

/** Every route of the contract, with a call that reaches it: `METHOD /path as documented`, path and body to send. */
type Route = readonly [route: string, path: string, body: unknown];
export const ROUTES: readonly Route[] = (
  [
    ['POST /v1/actions/plan', '/v1/actions/plan', { ...START, dry_run: true }],
    ['POST /v1/plans', '/v1/plans', { actions: [{ ...START, id: 'a', target: 'vm/999' }] }],
    ['GET /v1/plans', '/v1/plans'],
    ['GET /v1/plans/{plan_id}', `/v1/plans/${NOWHERE}`],
    ['POST /v1/plans/{plan_id}/approve', `/v1/plans/${NOWHERE}/approve`, { plan_hash: 'a'.repeat(64) }],
    ['POST /v1/plans/{plan_id}/reject', `/v1/plans/${NOWHERE}/reject`, {}],
    ['POST /v1/plans/{plan_id}/cancel', `/v1/plans/${NOWHERE}/cancel`, {}],
    ['POST /v1/plans/{plan_id}/replan', `/v1/plans/${NOWHERE}/replan`, {}],
    ['GET /v1/plans/{plan_id}/explain', `/v1/plans/${NOWHERE}/explain`],
    ['DELETE /v1/plans/{plan_id}/schedule', `/v1/plans/${NOWHERE}/schedule`],
    ['GET /v1/calendar', '/v1/calendar?environment=lab'],
    ['GET /v1/policy', '/v1/policy'],
    [
      'POST /v1/policy/test',
      '/v1/policy/test',
      { tests: [{ name: 'a read', input: { action: 'vm.read' }, expect: { outcome: 'allow' } }] },
    ],
    ['POST /v1/policy/reload', '/v1/policy/reload'],
    ['GET /v1/runbooks', '/v1/runbooks'],
    ['GET /v1/runbooks/{id}', '/v1/runbooks/vm-provisioning'],
    ['GET /v1/runbook-runs', '/v1/runbook-runs'],
    ['POST /v1/runbook-runs', '/v1/runbook-runs', { runbook: 'nothing' }],
    ['GET /v1/runbook-runs/{run_id}', `/v1/runbook-runs/${NOWHERE}`],
    ['GET /v1/runbook-runs/{run_id}/report', `/v1/runbook-runs/${NOWHERE}/report`],
    ['POST /v1/runbook-runs/{run_id}/steps/{step}', `/v1/runbook-runs/${NOWHERE}/steps/1`, { do: 'run' }],
    ['POST /v1/runbook-runs/{run_id}/pause', `/v1/runbook-runs/${NOWHERE}/pause`, { reason: 'a test' }],
    ['POST /v1/runbook-runs/{run_id}/resume', `/v1/runbook-runs/${NOWHERE}/resume`, {}],
    ['POST /v1/runbook-runs/{run_id}/abort', `/v1/runbook-runs/${NOWHERE}/abort`, { reason: 'a test' }],
    ['GET /v1/secrets', '/v1/secrets'],
    ['PUT /v1/secrets/{name}', '/v1/secrets/a-secret', { value: 'a value that is long' }],
    ['DELETE /v1/secrets/{name}', '/v1/secrets/nobody'],
    ['POST /v1/secrets/rotate-key', '/v1/secrets/rotate-key', { to: 'keys' }],
    ['GET /v1/graph', '/v1/graph?environment=lab'],
    ['POST /v1/changes', '/v1/changes', { title: '' }],
    ['GET /v1/changes', '/v1/changes'],
    ['GET /v1/changes/metrics', '/v1/changes/metrics'],
    ['POST /v1/changes/import', '/v1/changes/import', { markdown: 'no change' }],
    ['GET /v1/changes/{change_id}', '/v1/changes/CC-999'],
    ['PATCH /v1/changes/{change_id}', '/v1/changes/CC-999', {}],
    ['GET /v1/changes/{change_id}/export', '/v1/changes/CC-999/export'],
    ['POST /v1/changes/{change_id}/approve', '/v1/changes/CC-999/approve', { digest: 'a'.repeat(64) }],
    ['POST /v1/changes/{change_id}/reject', '/v1/changes/CC-999/reject', { note: 'no' }],
    ['POST /v1/changes/{change_id}/status', '/v1/changes/CC-999/status', { status: 'planned' }],
    ['POST /v1/changes/{change_id}/check', '/v1/changes/CC-999/check'],
    ['POST /v1/changes/{change_id}/criteria/{n}', '/v1/changes/CC-999/criteria/1', { result: 'passed' }],
    ['POST /v1/changes/{change_id}/review', '/v1/changes/CC-999/review', { text: 'x' }],
    ['POST /v1/changes/{change_id}/evidence', '/v1/changes/CC-999/evidence', { text: 'x' }],
    ['POST /v1/actions/apply', '/v1/actions/apply', { plan_id: NOWHERE }],
    ['POST /v1/environments/{environment}/freeze', '/v1/environments/nowhere/freeze', { reason: 'a test' }],
    ['POST /v1/environments/{environment}/thaw', '/v1/environments/nowhere/thaw', { reason: 'a test' }],
    ['GET /v1/operations', '/v1/operations'],
    ['GET /v1/operations/{operation_id}', `/v1/operations/${NOWHERE}`],
    ['POST /v1/operations/{operation_id}/cancel', `/v1/operations/${NOWHERE}/cancel`, {}],
    ['POST /v1/operations/{operation_id}/resume', `/v1/operations/${NOWHERE}/resume`, {}],
    ['GET /v1/actions', '/v1/actions'],
    ['GET /v1/environments', '/v1/environments'],
    ['GET /v1/environments/{environment}/health', '/v1/environments/lab/health'],
    ['GET /v1/nodes', '/v1/nodes?environment=lab'],
    ['GET /v1/inventory', '/v1/inventory?environment=lab&state=running'],
    ['GET /v1/vm/status', '/v1/vm/status?environment=lab&target=vm/101'],
    ['GET /v1/tasks', '/v1/tasks?environment=lab&node=pve1'],
    ['GET /v1/tasks/status', '/v1/tasks/status?environment=lab&node=pve1&upid=nonsense'],
    ['GET /v1/audit', '/v1/audit?after=0'],
    ['GET /v1/audit/export', '/v1/audit/export'],
    ['GET /v1/audit/key', '/v1/audit/key'],
    ['POST /v1/tokens', '/v1/tokens', { name: 'made', role: 'viewer', class: 'agent' }],
    ['GET /v1/tokens', '/v1/tokens'],
    ['DELETE /v1/tokens/{id}', '/v1/tokens/nobody'],
    ['GET /v1/events', '/v1/events?last_event_id=-1'],
    ['GET /v1/me', '/v1/me'],
    ['PUT /v1/me/password', '/v1/me/password', { password: 'short' }],
    ['POST /v1/me/totp', '/v1/me/totp', {}],
    ['POST /v1/me/totp/confirm', '/v1/me/totp/confirm', { code: '000000' }],
    ['POST /v1/me/totp/remove', '/v1/me/totp/remove', { factor: 1 }],
    ['POST /v1/me/recovery-codes', '/v1/me/recovery-codes', {}],
    ['GET /v1/me/passkeys', '/v1/me/passkeys'],
    ['POST /v1/me/passkeys/options', '/v1/me/passkeys/options', {}],
    ['POST /v1/me/passkeys', '/v1/me/passkeys', { name: '' }],
    ['POST /v1/me/passkeys/{id}/remove', '/v1/me/passkeys/nothing/remove', { factor: 1 }],
    ['GET /v1/me/tokens', '/v1/me/tokens'],
    ['POST /v1/me/tokens', '/v1/me/tokens', { name: '' }],
    ['DELETE /v1/me/tokens/{id}', '/v1/me/tokens/nothing'],
    ['DELETE /v1/session', '/v1/session'],
    ['POST /v1/session/step-up', '/v1/session/step-up', { factor: 1 }],
    ['GET /v1/session/passkey-challenge', '/v1/session/passkey-challenge'],
    ['GET /v1/sessions', '/v1/sessions'],
    ['DELETE /v1/sessions/{id}', '/v1/sessions/nothing'],
    ['GET /v1/plans/{plan_id}/passkey-challenge', `/v1/plans/${NOWHERE}/passkey-challenge`],
    ['GET /v1/changes/{change_id}/passkey-challenge', '/v1/changes/CC-999/passkey-challenge'],
    ['GET /v1/people', '/v1/people'],
    ['POST /v1/people', '/v1/people', { name: '' }],
    ['PATCH /v1/people/{id}', '/v1/people/nobody', {}],
    ['POST /v1/people/{id}/reset', '/v1/people/nobody/reset', {}],
    ['GET /v1/people/{id}/sessions', '/v1/people/nobody/sessions'],
    ['DELETE /v1/people/{id}/sessions', '/v1/people/nobody/sessions'],
    ['POST /v1/store/backup', '/v1/store/backup', { file: 'relative' }],
    ['GET /metrics', '/metrics'],
  ] as const
).map(([route, path, body]) => [route, path, body]);
export const OPEN = [
  'GET /healthz',
  'GET /readyz',
  'GET /openapi.json',
  'GET /docs',
  'GET /',
  'GET /changes',
  'GET /people',
  'GET /v1/session',
];
