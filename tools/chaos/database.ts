import { randomUUID } from 'node:crypto';

/** Gives `work` a database of its own: none for SQLite, a fresh one on the server of DATABASE_URL for PostgreSQL. */
export async function withDatabase<T>(kind: string, work: (databaseUrl: string | undefined) => Promise<T>): Promise<T> {
  if (kind === 'sqlite') return work(undefined);
  const server = process.env['DATABASE_URL'];
  if (server === undefined) throw new Error('DATABASE_URL names no PostgreSQL server');
  const { default: pg } = await import('pg');
  const admin = new pg.Client({ connectionString: server });
  await admin.connect();
  const name = `chaos_${randomUUID().replaceAll('-', '')}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  try {
    return await work(url.href);
  } finally {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  }
}
