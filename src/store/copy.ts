import { createHash, type Hash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sql, type RawBuilder } from 'kysely';
import { canonicalJson } from '../kernel/canonical.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { finishCopy } from './backup.ts';
import { storeError } from './errors.ts';
import type { StoreReader, StoreTx } from './group.ts';
import { DATABASE, openStore, type Store } from './open.ts';
import { PLAN_TRANSITIONS, type Database, type PlanState } from './schema.ts';

/** Jobs are reminders that schedules make again, and live elsewhere on PostgreSQL; see `queue/queue.ts`. */
type Table = Exclude<keyof Database, 'migrations' | 'jobs' | 'schedules'>;
type Row = Readonly<Record<string, unknown>>;

/** Every table with its primary key, those that are referred to before those that refer to them. */
export const TABLE_KEYS: Readonly<Record<Table, readonly string[]>> = {
  plans: ['plan_id'],
  secrets: ['plan_id'],
  approvals: ['plan_id', 'plan_hash', 'principal_id'],
  plan_schedules: ['plan_id'],
  vmid_reservations: ['environment', 'vmid'],
  operations: ['operation_id'],
  journal: ['operation_id', 'thread', 'pos'],
  locks: ['resource'],
  slots: ['resource', 'operation_id'],
  idempotency_keys: ['endpoint', 'principal', 'key'],
  tokens: ['id'],
  owner_links: ['hash'],
  people: ['id'],
  recovery_codes: ['person_id', 'hash'],
  passkeys: ['id'],
  invitations: ['hash'],
  sessions: ['id'],
  challenges: ['hash'],
  attempts: ['key'],
  settings: ['key'],
  policy_versions: ['version'],
  runbook_runs: ['run_id'],
  stored_secrets: ['name'],
  audit: ['seq'],
  checkpoints: ['seq'],
  events: ['id'],
  task_durations: ['id'],
  change_records: ['id'],
};
const TABLES = Object.keys(TABLE_KEYS) as Table[];
/** Rows read and written at a time; their columns have to fit into one statement's parameters. */
const PAGE = 500;

/** What a table holds: the hash is over all rows in the order of their keys, the same on every engine. */
export interface CopiedTable {
  readonly table: string;
  readonly rows: number;
  readonly sha256: string;
}

/**
 * Copies everything into an empty database, on whichever engines, in one transaction: all of it or nothing. What was
 * written is read back before it is committed and has to have the same rows with the same hash as what was read. Nobody
 * may write to `to` meanwhile; `from` is read as it stands at one moment.
 * Errors: CONFIGURATION_INVALID when `to` is not empty; STORE_FAILED when what was written reads back differently.
 */
export function copyStore(from: Store, to: Store): Promise<CopiedTable[]> {
  return from.snapshot((reader) =>
    to.commit(async (trx) => {
      await refuseFull(trx);
      const sums: CopiedTable[] = [];
      for (const table of TABLES) sums.push(await copyTable(reader, trx, table));
      await raiseFences(reader, trx);
      for (const sum of sums) await check(trx, sum);
      return sums;
    }),
  );
}

/** Writes all that `store` holds into one SQLite file, checked, as a backup that `restoreStore` takes. */
export async function copyToFile(
  store: Store,
  file: string,
  deps: { readonly clock: Clock; readonly log: Logger },
): Promise<{ bytes: number }> {
  const directory = `${file}.partial`;
  try {
    rmSync(directory, { recursive: true, force: true });
    // Not recursive: a backup into a folder that is not there is a mistake, not a wish.
    mkdirSync(directory, { mode: 0o700 });
    const copy = openStore({ directory, ...deps });
    try {
      await copyStore(store, copy);
    } finally {
      await copy.close();
    }
    return finishCopy(join(directory, DATABASE), file);
  } catch (error) {
    throw storeError(error) as Error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function refuseFull(trx: StoreTx): Promise<void> {
  for (const table of TABLES) {
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(trx.db);
    if (rows.length === 0) continue;
    const text = `The target database is not empty: there is something in ${table}. Copy into a new one.`;
    throw new AgentError('CONFIGURATION_INVALID', text);
  }
}

async function copyTable(from: StoreReader, trx: StoreTx, table: Table): Promise<CopiedTable> {
  const sum = new Sum(table);
  for await (const page of pages(from, table)) {
    sum.add(page);
    await insert(
      trx,
      table,
      page.map((row) => startOf(table, row)),
    );
    if (table === 'plans') await walkPlans(trx, page);
  }
  return sum.end();
}

/** A row as it may begin: the triggers hold for a copy as well, so states are walked to and fences raised at the end. */
function startOf(table: Table, row: Row): Row {
  if (table === 'plans') return { ...row, state: 'draft' };
  return table === 'operations' ? { ...row, fence: 0 } : row;
}

async function insert(trx: StoreTx, table: Table, rows: readonly Row[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const values = rows.map((row) => sql`(${sql.join(columns.map((column) => row[column]))})`);
  await sql`insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))})
    values ${sql.join(values)}`.execute(trx.db);
}

async function walkPlans(trx: StoreTx, page: readonly Row[]): Promise<void> {
  for (const [state, rows] of Map.groupBy(page, (row) => row['state'] as PlanState)) {
    const ids = rows.map((row) => row['plan_id'] as string);
    for (const next of pathTo(state)) {
      await trx.db.updateTable('plans').set({ state: next }).where('plan_id', 'in', ids).execute();
    }
  }
}

/** The shortest walk from draft to a state, without draft itself. */
function pathTo(state: PlanState): PlanState[] {
  const queue: PlanState[][] = [['draft']];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const walked = path;
    if (walked.at(-1) === state) return walked.slice(1);
    queue.push(...PLAN_TRANSITIONS[walked.at(-1) as PlanState].map((next) => [...walked, next]));
  }
  throw new AgentError('INTERNAL', `No walk leads to the plan state ${state}.`);
}

/** Last, because the journal holds entries of earlier fences, which nobody may write under a later one. */
async function raiseFences(from: StoreReader, trx: StoreTx): Promise<void> {
  for await (const page of pages(from, 'operations')) {
    for (const [fence, rows] of Map.groupBy(page, (row) => row['fence'] as number)) {
      const ids = rows.map((row) => row['operation_id'] as string);
      if (fence > 0) await trx.db.updateTable('operations').set({ fence }).where('operation_id', 'in', ids).execute();
    }
  }
}

async function check(trx: StoreTx, expected: CopiedTable): Promise<void> {
  const sum = new Sum(expected.table);
  for await (const page of pages(trx, expected.table as Table)) sum.add(page);
  const { rows, sha256 } = sum.end();
  if (rows === expected.rows && sha256 === expected.sha256) return;
  const text = `The copy of ${expected.table} is not equal to the original (${rows} rows of ${expected.rows}); nothing was kept.`;
  throw new AgentError('STORE_FAILED', text);
}

/** All rows of a table in the order of its primary key. */
async function* pages(reader: StoreReader, table: Table): AsyncGenerator<readonly Row[], void, undefined> {
  const keys = TABLE_KEYS[table];
  const columns = sql.join(keys.map((key) => sql.ref(key)));
  let after: RawBuilder<unknown> = sql``;
  for (;;) {
    const query = sql<Row>`select * from ${sql.table(table)} ${after} order by ${columns} limit ${PAGE}`;
    const { rows } = await query.execute(reader.db);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = sql`where (${columns}) > (${sql.join(keys.map((key) => last[key]))})`;
  }
}

class Sum {
  readonly #table: string;
  readonly #hash: Hash = createHash('sha256');
  #rows = 0;
  constructor(table: string) {
    this.#table = table;
  }
  add(page: readonly Row[]): void {
    for (const row of page) this.#hash.update(canonicalJson(plain(row))).update('\n');
    this.#rows += page.length;
  }
  end(): CopiedTable {
    return { table: this.#table, rows: this.#rows, sha256: this.#hash.digest('hex') };
  }
}

const plain = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ]),
  );
