import pg from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import { backOff } from './patience.ts';

export interface NoticesOptions {
  readonly config: pg.ClientConfig;
  readonly clock: Clock;
  readonly log: Logger;
  /** The server's process of our own writer, whose announcements are no news. */
  readonly ownPid: () => number | undefined;
}

/**
 * Hears that other replicas have committed events (LISTEN), on a connection of its own that is opened again when it is
 * lost. What was announced meanwhile is lost with it, so every listener is told after a reconnect as well: they look
 * into the table from where they are.
 */
export class Notices {
  readonly #options: NoticesOptions;
  readonly #listeners = new Set<() => void>();
  #client: pg.Client | undefined;
  #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** Listens until `close`. Resolves with the first connection. Errors: the driver's, of the first attempt. */
  async start(): Promise<void> {
    const ended = await this.#listen();
    this.#running = this.#keep(ended);
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#client?.end().catch(() => {});
    await this.#running;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Connects; answers a promise that resolves when the connection is lost. */
  async #listen(): Promise<{ readonly ended: Promise<void> }> {
    const client = new pg.Client({ ...this.#options.config, pipeline: false });
    this.#client = client;
    const ended = new Promise<void>((resolve) => {
      client.on('error', () => resolve()).on('end', () => resolve());
    });
    client.on('notification', ({ processId }) => {
      if (processId !== this.#options.ownPid()) this.#tell();
    });
    try {
      await client.connect();
      const { rows } = await client.query<{ schema: string }>('SELECT current_schema() AS schema');
      await client.query(`LISTEN ${client.escapeIdentifier(`proxmox_agent_${rows[0]?.schema ?? ''}`)}`);
      return { ended };
    } catch (error) {
      client.end().catch(() => {});
      throw error;
    }
  }

  async #keep(first: { readonly ended: Promise<void> }): Promise<void> {
    let { ended } = first;
    for (let attempt = 0; ; attempt += 1) {
      await ended;
      if (this.#stop.signal.aborted) return;
      if (attempt === 0) this.#options.log.warn({}, 'the connection that hears of events was lost');
      await this.#options.clock.sleep(backOff(attempt), this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      const again = await this.#listen().catch(() => undefined);
      if (again === undefined) continue;
      ended = again.ended;
      attempt = -1;
      this.#tell();
    }
  }
}
