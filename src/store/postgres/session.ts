import pg from 'pg';
import { AgentError } from '../../kernel/errors.ts';

/** Statements kept ready on a session; see `dialect.ts`. */
const MAX_STATEMENTS = 500;
const INT8 = 20;
const OLDEST_SERVER = 150_000;

/** Integers of 64 bits as numbers (ours are times and counters, far below 2^53); everything else as the driver has it. */
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** Milliseconds. A server or network that answers nothing for longer is given up, and the connection with it. */
const ANSWER_MS = 40_000;
const CONNECT_MS = 5_000;

/** Two keys of 32 bits; the second keeps installations in other schemas of one database apart. */
export const advisory = (purpose: string): string => `hashtext('proxmox-agent ${purpose}'), hashtext(current_schema())`;

/** Errors: CONFIGURATION_INVALID for what is not a URL of PostgreSQL; its text never holds the URL. */
export function clientConfig(url: string): pg.ClientConfig {
  if (!URL.canParse(url) || !/^postgres(ql)?:\/\//.test(url)) {
    throw new AgentError(
      'CONFIGURATION_INVALID',
      'DATABASE_URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE.',
    );
  }
  return {
    connectionString: url,
    application_name: 'proxmox-agent',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
    // Statements go out as they are asked for, so what opens and closes a savepoint costs no waiting.
    pipeline: true,
  };
}

/** One connection on which statements run in the order asked. */
export class Session {
  readonly #client: pg.Client;
  readonly #names = new Map<string, string>();
  #counter = 0;
  #lost = false;

  /** The server's process of this session. */
  pid = 0;

  private constructor(client: pg.Client) {
    this.#client = client;
    const lose = (): void => {
      this.#lost = true;
    };
    client.on('error', lose).on('end', lose);
  }

  /** Errors: the driver's (for `postgresError`); STORE_FAILED when the server is a standby that cannot write. */
  static async open(config: pg.ClientConfig, setup: string): Promise<Session> {
    const client = new pg.Client(config);
    const session = new Session(client);
    try {
      await client.connect();
      await session.control(setup);
      await session.#identify();
      return session;
    } catch (error) {
      session.end();
      throw error;
    }
  }

  async #identify(): Promise<void> {
    const results = await this.control('SELECT pg_is_in_recovery() AS standby, pg_backend_pid() AS pid');
    const row = results.at(-1)?.rows[0] as { standby: boolean; pid: number } | undefined;
    // As one that cannot be reached: after a failover the same address may lead to the new primary a moment later.
    if (row?.standby !== false) throw Object.assign(new Error('The server is a standby.'), { code: '57P03' });
    this.pid = row.pid;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** A statement of ours, prepared once per session. */
  run(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    return this.#client.query({ name: this.#nameOf(text), text, values: [...values] });
  }

  /** Plain text without parameters; the results of all its statements. */
  async control(text: string): Promise<pg.QueryResult[]> {
    const result = (await this.#client.query(text)) as pg.QueryResult | pg.QueryResult[];
    return Array.isArray(result) ? result : [result];
  }

  /** Prepares everything anew from now on. */
  forget(): void {
    this.#names.clear();
  }

  /** Ends it in good order, and waits until that is done. */
  close(): Promise<void> {
    this.#lost = true;
    return this.#client.end();
  }

  /** Lets go without waiting for the server. */
  end(): void {
    this.#lost = true;
    // A server that is gone says so in an error that nobody waits for.
    this.#client.end().catch(() => {});
  }

  #nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      if (this.#names.size >= MAX_STATEMENTS) this.#names.clear();
      this.#counter += 1;
      name = `s${this.#counter}`;
      this.#names.set(text, name);
    }
    return name;
  }
}

/** Errors: CONFIGURATION_INVALID for a server that we do not know how to use. */
export function refuseServer(server: {
  readonly version: number;
  readonly name: string;
  readonly encoding: string;
}): void {
  if (server.version < OLDEST_SERVER) {
    const text = `The PostgreSQL server is version ${server.name}; proxmox-agent needs 15 or newer.`;
    throw new AgentError('CONFIGURATION_INVALID', text);
  }
  if (server.encoding !== 'UTF8') {
    const text = `The database is encoded in ${server.encoding}; proxmox-agent needs one made with ENCODING 'UTF8'.`;
    throw new AgentError('CONFIGURATION_INVALID', text);
  }
}
