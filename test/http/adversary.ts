import { connect } from 'node:net';
import { Browser, join, movable, PASSWORD } from './browser.ts';
import { BOOTSTRAP, Service, STOP } from './support.ts';

export interface Wanted {
  readonly plan_id: string;
  readonly plan_hash: string;
}

/** An agent with every right that a token can have, a person who is signed in, and a plan that waits for a person. */
export class World {
  readonly service: Service;
  readonly clock: ReturnType<typeof movable>;
  readonly agent: string;
  readonly person: Browser;
  /** The cookie of a session of the person that has ended. */
  readonly ended: string;
  plan: Wanted;

  private constructor(given: Pick<World, 'service' | 'clock' | 'agent' | 'person' | 'ended' | 'plan'>) {
    this.service = given.service;
    this.clock = given.clock;
    this.agent = given.agent;
    this.person = given.person;
    this.ended = given.ended;
    this.plan = given.plan;
  }

  static async start(): Promise<World> {
    const clock = movable();
    const service = await Service.twoLabs({ clock });
    const agent = await service.token('admin', 'agent');
    const { browser: person } = await join(service, BOOTSTRAP, 'ana', { '*': 'admin' });
    const old = new Browser(service);
    await old.signIn('ana', PASSWORD);
    const ended = old.cookie;
    await old.ask('DELETE /v1/session');
    const plan = await World.#plan(service, agent);
    return new World({ service, clock, agent, person, ended, plan });
  }

  static async #plan(service: Service, agent: string): Promise<Wanted> {
    return (await service.ask('POST /v1/actions/plan', { token: agent, body: STOP })).json as unknown as Wanted;
  }
  /** Another plan in the place of one that has grown old. */
  async renew(): Promise<void> {
    this.plan = await World.#plan(this.service, this.agent);
  }

  path(verb = 'approve'): string {
    return `/v1/plans/${this.plan.plan_id}/${verb}`;
  }

  /** What must not move: plans, approvals, operations, tokens, people, sessions, freezes. */
  async state(): Promise<string> {
    const { db } = this.service.app.store;
    const all = await Promise.all([
      db.selectFrom('plans').select(['plan_id', 'state', 'plan_hash']).orderBy('plan_id').execute(),
      db.selectFrom('approvals').selectAll().orderBy('plan_id').execute(),
      db.selectFrom('operations').select(['operation_id', 'state']).orderBy('operation_id').execute(),
      db.selectFrom('tokens').select(['id', 'role', 'class', 'revoked_at']).orderBy('id').execute(),
      db.selectFrom('people').select(['id', 'state', 'grants', 'password']).orderBy('id').execute(),
      db.selectFrom('sessions').select(['id', 'hash', 'ended_at']).orderBy('id').execute(),
      db.selectFrom('settings').selectAll().orderBy('key').execute(),
      db.selectFrom('audit').select(['event']).where('event', 'like', 'approval%').execute(),
    ]);
    return JSON.stringify(all);
  }

  /** Sends lines on a socket; what comes back, to the end. */
  raw(lines: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(this.service.url);
      const socket = connect(Number(port), hostname, () => socket.end(lines.join('\r\n')));
      let text = '';
      socket.on('data', (piece: Buffer) => (text += piece.toString()));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
  }
}

/** The end of a request: its length and its body. */
export const bodyLines = (text: string): string[] => [`Content-Length: ${Buffer.byteLength(text)}`, '', text];
export const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => Number(found[1]));
