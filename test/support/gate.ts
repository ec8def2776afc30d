import pg from 'pg';
import type { Replica } from './replicas.ts';

/** Nobody else takes this lock. */
const LOCK = 20_261_120;

/**
 * A gate in the database before which whoever is about to keep the answer to a request under an Idempotency-Key waits:
 * what the request made is stored by then.
 */
export class AnswerGate {
  readonly #holder: pg.Client;

  private constructor(holder: pg.Client) {
    this.#holder = holder;
  }

  static async close(database: string): Promise<AnswerGate> {
    const holder = new pg.Client({ connectionString: database });
    await holder.connect();
    await holder.query(`SELECT pg_advisory_lock(${LOCK})`);
    await holder.query(`CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock(${LOCK}); RETURN NEW; END $$`);
    await holder.query(`CREATE TRIGGER gate BEFORE UPDATE OF status ON idempotency_keys FOR EACH ROW
      EXECUTE FUNCTION gate()`);
    return new AnswerGate(holder);
  }

  /** Whoever waits: the session of the database. */
  async waiting(): Promise<number | undefined> {
    const query = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = ${LOCK} AND NOT granted`;
    return (await this.#holder.query<{ pid: number }>(query)).rows[0]?.pid;
  }

  /** Kills the replica that waits, and its session, which would wait on; then the gate is gone. */
  async kill(replica: Replica, pid: number): Promise<void> {
    await replica.process.stop('SIGKILL');
    await this.#holder.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
    await this.#holder.query('DROP TRIGGER gate ON idempotency_keys');
    await this.#holder.end();
  }
}
