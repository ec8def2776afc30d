import { join } from 'node:path';
import pg from 'pg';
import { AnswerGate } from './gate.ts';
import { Running, World } from './processes.ts';

export type Json = Record<string, unknown>;

interface Answer {
  readonly status: number;
  readonly json: Json;
}

export interface StreamEvent {
  readonly id: number;
  readonly type: string;
  readonly ids: Json;
}

/** How often a test looks for what it waits for. */
const LOOK_MS = 50;

/** One `serve` of several on the same database. */
export class Replica {
  readonly process: Running;
  readonly #token: string;
  url = '';

  constructor(process: Running, token: string) {
    this.process = process;
    this.#token = token;
  }

  async ask(call: string, body?: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const [method = 'GET', path = ''] = call.split(' ');
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: answer.status, json: (await answer.json()) as Json };
  }

  /** The document of a call that must succeed. */
  async json(call: string, body?: object): Promise<Json> {
    const { status, json } = await this.ask(call, body);
    if (status >= 300) throw new Error(`${call} was answered ${status}: ${JSON.stringify(json)}`);
    return json;
  }

  operation(operation_id: string): Promise<Json> {
    return this.json(`GET /v1/operations/${operation_id}`);
  }

  /** Stops the process as a machine that is suspended does; `resume` lets it go on as if nothing had been. */
  pause(): void {
    this.process.child.kill('SIGSTOP');
  }

  resume(): void {
    this.process.child.kill('SIGCONT');
  }

  /** The events after `last` until `enough` says so; then it hangs up. */
  async listen(last: number, enough: (events: readonly StreamEvent[]) => boolean): Promise<StreamEvent[]> {
    const over = new AbortController();
    const answer = await fetch(`${this.url}/v1/events`, {
      headers: { authorization: `Bearer ${this.#token}`, 'Last-Event-ID': String(last) },
      signal: over.signal,
    });
    const events: StreamEvent[] = [];
    if (answer.body === null) throw new Error('the event stream has no body');
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; !enough(events);) {
      const { value, done } = await reader.read();
      if (done) throw new Error('the event stream ended');
      const parts = (text + value).split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const data = /^data: (.*)$/m.exec(part)?.[1];
        if (data !== undefined) events.push(JSON.parse(data) as StreamEvent);
      }
    }
    over.abort();
    return events;
  }
}

/** A simulator whose time stands still, and replicas on one PostgreSQL and one data directory. */
export class ReplicaWorld extends World {
  readonly replicas: Replica[] = [];
  readonly #database: string;

  constructor(database: string) {
    super();
    this.#database = database;
  }

  /** Replicas one after the other: the first makes the keys that all use. */
  async start(count = 2): Promise<[Replica, Replica]> {
    // Tasks end only by `settle`: what is done to a replica in the middle of an operation is done in its middle.
    await this.startSimulator('--speed', 'manual');
    for (let index = 0; index < count; index++) await this.startReplica();
    return this.replicas as [Replica, Replica];
  }

  async startReplica(program?: string): Promise<Replica> {
    const config = join(this.directory.path, 'proxmox-agent.yaml');
    const args = ['--config', config, '--data', join(this.directory.path, 'data'), '--port', '0'];
    const env = { ...this.env, DATABASE_URL: this.#database, PROXMOX_AGENT_LOG: 'info' };
    const running = new Running('serve', args, env, program);
    const replica = new Replica(running, this.env['PROXMOX_AGENT_BOOTSTRAP_TOKEN'] ?? '');
    this.replicas.push(replica);
    [, replica.url = ''] = await running.printed(/listens on (http:\S+)/);
    return replica;
  }

  /** The mutating calls that the cluster got, in order. */
  async calls(): Promise<string[]> {
    const { calls } = (await this.control('calls')) as { calls: { method: string; path: string }[] };
    return calls.map(({ method, path }) => `${method} ${path}`);
  }

  /** Lets every task that runs now end. */
  async settle(): Promise<void> {
    await this.control('settle', {});
  }

  /** What `look` answers once it answers something; errors of it are passed on. */
  async until<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Resolves when the cluster got a call like this. */
  async called(pattern: RegExp): Promise<void> {
    await this.until(async () => ((await this.calls()).some((call) => pattern.test(call)) ? true : undefined));
  }

  /** Lets the cluster go on until the operation has ended, and answers it as `replica` shows it. */
  ended(replica: Replica, operation_id: string): Promise<Json> {
    return this.until(async () => {
      await this.settle();
      // What is waited for by the clock of the cluster, such as a guest that has to stay up, comes as well.
      await this.control('advance', { seconds: 1 });
      const operation = await replica.operation(operation_id);
      return ['applied', 'failed', 'canceled', 'needs_attention'].includes(String(operation['state']))
        ? operation
        : undefined;
    });
  }

  /** Rows of the database, past every replica. */
  async rows(text: string, values: readonly unknown[]): Promise<Json[]> {
    const client = new pg.Client({ connectionString: this.#database });
    await client.connect();
    try {
      return (await client.query<Json>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  closeGate(): Promise<AnswerGate> {
    return AnswerGate.close(this.#database);
  }

  override async close(): Promise<void> {
    // A stopped process hears SIGKILL as well.
    await Promise.all(this.replicas.map(({ process }) => process.stop('SIGKILL')));
    await super.close();
  }
}
