import { PgBoss, type Job as BossJob } from 'pg-boss';
import type { Clock as BossClock } from 'pg-boss';
import { CompiledQuery } from 'kysely';
import type { Ids } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/log.ts';
import type { StoreTx } from '../group.ts';
import { BossDatabase } from './boss_db.ts';
import { postgresError } from '../postgres/errors.ts';
import { ATTEMPTS, DRAIN_MS, KEEP_FAILED_MS, SCHEDULE_KEY, type NewJob, type Queue, type Worker } from './queue.ts';

export interface BossQueueOptions {
  readonly url: string;
  readonly ids: Ids;
  readonly log: Logger;
  /** For tests, one that is moved by hand. */
  readonly clock?: BossClock;
}

/** A worker that was killed is noticed by its missing heartbeat, and its job runs elsewhere within twice this. */
const HEARTBEAT_S = 10;
const LOOK_S = 2;
/** How long one job may take at the most. */
const EXPIRE_S = 3600;
/** What pg-boss makes, apart from our own tables and easy to drop. */
const SCHEMA = 'proxmox_agent_jobs';

type Db = NonNullable<NonNullable<Parameters<PgBoss['send']>[2]>['db']>;

/** The queue of replicas: pg-boss on the same PostgreSQL, in a schema of its own. */
export class BossQueue implements Queue {
  readonly #boss: PgBoss;
  readonly #database: BossDatabase;
  readonly #ids: Ids;
  readonly #stop = new AbortController();
  #closing: Promise<void> | undefined;
  readonly #made = new Map<string, Promise<void>>();

  private constructor(boss: PgBoss, database: BossDatabase, ids: Ids) {
    this.#boss = boss;
    this.#database = database;
    this.#ids = ids;
  }

  /** Errors: STORE_FAILED, CONFIGURATION_INVALID (a user who may not create a schema), as of the store. */
  static async open({ url, ids, log, clock }: BossQueueOptions): Promise<BossQueue> {
    const database = new BossDatabase(url);
    const boss = new PgBoss({
      db: database,
      schema: SCHEMA,
      superviseIntervalSeconds: LOOK_S,
      monitorIntervalSeconds: LOOK_S,
      cronMonitorIntervalSeconds: 20,
      ...(clock === undefined ? {} : { clock }),
    });
    // Its errors bring whole connections along; the words are enough.
    boss.on('error', ({ message }) => log.warn({ reason: message }, 'the job queue has trouble with its database'));
    try {
      await boss.start();
    } catch (error) {
      await database.close();
      throw postgresError(error);
    }
    return new BossQueue(boss, database, ids);
  }

  async enqueue(trx: StoreTx, { name, key, data, at }: NewJob): Promise<boolean> {
    const id = await this.#boss.send(
      name,
      { data: data ?? null },
      {
        id: this.#ids.uuid(),
        singletonKey: key,
        db: inside(trx),
        ...(at === undefined ? {} : { startAfter: new Date(at) }),
      },
    );
    return id !== null;
  }

  async cancel(trx: StoreTx, name: string, key: string): Promise<boolean> {
    const db = inside(trx);
    const waiting = await this.#boss.findJobs(name, { key, queued: true, db });
    if (waiting.length === 0) return false;
    await this.#boss.deleteJob(
      name,
      waiting.map(({ id }) => id),
      { db },
    );
    return true;
  }

  async work(name: string, worker: Worker): Promise<void> {
    await this.#queue(name);
    await this.#boss.work<{ data: unknown }>(
      name,
      { pollingIntervalSeconds: LOOK_S, includeMetadata: true },
      async ([job]) => {
        if (job === undefined) return;
        const { data, retryCount, singletonKey, signal } = job as BossJob<{ data: unknown } | null> & {
          singletonKey: string | null;
        };
        await worker({
          name,
          key: singletonKey ?? SCHEDULE_KEY,
          data: data?.data ?? null,
          attempt: retryCount + 1,
          signal: AbortSignal.any([signal, this.#stop.signal]),
        });
      },
    );
  }

  async schedule(name: string, cron: string, zone = 'UTC'): Promise<void> {
    await this.#queue(name);
    await this.#boss.schedule(name, cron, null, { tz: zone, missed: 'once', singletonKey: SCHEDULE_KEY });
  }

  async drain(): Promise<void> {
    this.#stop.abort();
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await this.#boss.stop({ graceful: true, close: true, timeout: DRAIN_MS });
    await this.#database.close();
  }

  /** `short`: of one name and key at most one waits. */
  #queue(name: string): Promise<void> {
    let made = this.#made.get(name);
    if (made === undefined) {
      made = this.#boss.createQueue(name, {
        policy: 'short',
        retryLimit: ATTEMPTS - 1,
        retryBackoff: true,
        retryDelay: 2,
        retryDelayMax: 300,
        expireInSeconds: EXPIRE_S,
        heartbeatSeconds: HEARTBEAT_S,
        deleteAfterSeconds: KEEP_FAILED_MS / 1000,
      });
      this.#made.set(name, made);
    }
    return made;
  }
}

/** Statements of pg-boss in our transaction: a job is there when, and only when, what it is for is. */
function inside(trx: StoreTx): Db {
  return {
    executeSql: async (text, values = []) => {
      const { rows } = await trx.db.executeQuery(CompiledQuery.raw(text, [...values]));
      return { rows: rows };
    },
  };
}
