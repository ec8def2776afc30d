import { join, type Browser } from './browser.ts';
import { BOOTSTRAP, Service, START, type Got } from './support.ts';

/** A request that makes something, another payload for it, and the list in which what it makes is found. */
export interface Making {
  /** What a route needs in its path is filled in by `MakingWorld`. */
  readonly path: string;
  readonly status?: 200;
  readonly list: string;
  /** The array of the list. */
  readonly rows: string;
  /** Where the id of what was made stands, in the answer and in what the audit log says of it. */
  readonly id: string;
  readonly event: string;
  readonly body: object;
  readonly other: object;
}

const PLANS = { list: '/v1/plans?limit=500', rows: 'plans', id: 'plan_id', event: 'plan.created' };
const CHANGES = { list: '/v1/changes?limit=500', rows: 'changes', id: 'id', event: 'change.created' };
const TOKENS = { list: '/v1/tokens', rows: 'tokens', id: 'id', event: 'token.created' };
const token = (name: string): object => ({ name, role: 'viewer', class: 'agent' });
const secretsRun = (environment: string): object => ({
  runbook: 'secrets',
  parameters: { environment, manager: '127.0.0.1' },
});

/** Every route that makes a record. */
export const MAKING: readonly Making[] = [
  { path: '/v1/changes', ...CHANGES, body: { title: 'once' }, other: { title: 'twice' } },
  { path: '/v1/changes/import', ...CHANGES, body: { markdown: '## One\n' }, other: { markdown: '## Two\n' } },
  {
    path: '/v1/changes/{change_id}/evidence',
    status: 200,
    list: '/v1/changes/{change_id}',
    rows: 'evidence',
    id: 'id',
    event: 'change.evidence',
    body: { text: 'seen' },
    other: { text: 'seen again' },
  },
  { path: '/v1/actions/plan', ...PLANS, body: START, other: { ...START, dry_run: true } },
  {
    path: '/v1/plans',
    ...PLANS,
    body: { actions: [{ id: 'a', ...START }] },
    other: { actions: [{ id: 'b', ...START }] },
  },
  { path: '/v1/plans/{plan_id}/replan', ...PLANS, body: {}, other: { again: true } },
  {
    path: '/v1/people',
    list: '/v1/people',
    rows: 'people',
    id: 'id',
    event: 'person.invited',
    body: { name: 'ben', grants: { lab: 'viewer' } },
    other: { name: 'eve', grants: { lab: 'viewer' } },
  },
  { path: '/v1/tokens', ...TOKENS, body: token('ci'), other: token('cd') },
  { path: '/v1/me/tokens', ...TOKENS, list: '/v1/me/tokens', body: token('own'), other: token('other') },
  {
    path: '/v1/runbook-runs',
    list: '/v1/runbook-runs?limit=500',
    rows: 'runs',
    id: 'run_id',
    event: 'runbook.started',
    body: secretsRun('lab'),
    other: secretsRun('other'),
  },
];

interface AuditRecord {
  readonly seq: number;
  readonly event: string;
  readonly ids?: object;
}

/** A server with a person, and a plan and a change for the routes that need one. */
export class MakingWorld {
  readonly service: Service;
  readonly admin: string;
  readonly #browser: Browser;
  readonly #ids: Readonly<Record<string, string>>;

  private constructor(service: Service, admin: string, browser: Browser, ids: Readonly<Record<string, string>>) {
    this.service = service;
    this.admin = admin;
    this.#browser = browser;
    this.#ids = ids;
  }

  static async start(): Promise<MakingWorld> {
    const service = await Service.twoLabs();
    const admin = await service.token('admin');
    const { browser } = await join(service, BOOTSTRAP, 'ana', { '*': 'admin' });
    const plan = await service.ask('POST /v1/actions/plan', { token: admin, body: START });
    const change = await service.ask('POST /v1/changes', { token: admin, body: { title: 'for evidence' } });
    const ids = { plan_id: String(plan.json['plan_id']), change_id: String(change.json['id']) };
    return new MakingWorld(service, admin, browser, ids);
  }

  /** What is about the caller itself is asked by a person. */
  #ask(line: string, body?: unknown, headers = {}): Promise<Got> {
    const filled = line.replace(/\{(\w+)\}/, (_, name: string) => this.#ids[name] ?? '');
    return filled.includes('/v1/me/')
      ? this.#browser.ask(filled, body, headers)
      : this.service.ask(filled, { token: this.admin, body, headers });
  }

  post(path: string, body: unknown, key: string): Promise<Got> {
    return this.#ask(`POST ${path}`, body, { 'Idempotency-Key': key });
  }

  async count({ list, rows }: Making): Promise<number> {
    const { json, text } = await this.#ask(`GET ${list}`);
    if (!Array.isArray(json[rows])) throw new Error(text);
    return json[rows].length;
  }

  /** The records of the audit chain after a sequence number. */
  async audit(after = 0): Promise<AuditRecord[]> {
    const { json } = await this.#ask(`GET /v1/audit?after=${after}&limit=500`);
    return json['records'] as AuditRecord[];
  }

  async head(): Promise<number> {
    return (await this.audit()).at(-1)?.seq ?? 0;
  }

  close(): Promise<void> {
    return this.service.close();
  }
}

/** An answer as who asks again gets it: without what is shown once. */
export function hidden({ json }: Got): Record<string, unknown> {
  const { token: secret, invitation } = json as { token?: string; invitation?: object };
  return {
    ...json,
    ...(secret === undefined ? {} : { token: '[redacted]' }),
    ...(invitation === undefined ? {} : { invitation: { ...invitation, code: '[redacted]' } }),
  };
}
