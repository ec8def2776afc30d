import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { systemClock } from '../../kernel/clock.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import { MIGRATION_SETUP, migratePostgres } from './migrate.ts';
import { clientConfig, Session } from './session.ts';

/** Where distributions keep the server's programs; the newest that is there. Undefined: PostgreSQL is absent. */
export function postgresPrograms(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

/** For tests: a PostgreSQL server of its own, on a socket in a temporary directory. */
export interface TestServer {
  /** The URL of a database of it. */
  url(database: string): string;
  /** A new database with our tables. */
  create(): Promise<string>;
  /** A new database with nothing in it. */
  createEmpty(): Promise<string>;
  /** `immediate` is what a crash of the server is. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  /** A standby of it; answers the folder of its socket. `promote` makes it a primary of its own. */
  standby(): Promise<{ readonly socket: string; promote(): Promise<void> }>;
  end(): Promise<void>;
}

const TEMPLATE = 'proxmox_agent_template';

/**
 * Starts a server, as the user `postgres` where we are root (the server refuses to run as root). The shell beside it
 * stops the server and removes its files when our end of its input closes, however this process ends.
 */
export async function startPostgres(options: { readonly fsync?: boolean } = {}): Promise<TestServer> {
  const bin = postgresPrograms();
  if (bin === undefined) throw new Error('PostgreSQL is absent (no initdb below /usr/lib/postgresql)');
  const home = mkdtempSync(join(tmpdir(), 'proxmox-agent-pg-'));
  chmodSync(home, 0o777);
  const control = `${bin}/pg_ctl -D ${home}/data -s -w -l ${home}/log`;
  const settings = `-k ${home} -c listen_addresses= -c max_connections=60 -c fsync=${options.fsync === true ? 'on' : 'off'}`;
  const begin = `${control} -o '${settings}' start`;
  const shell = keeper(`
    ${bin}/initdb -D ${home}/data -U postgres -A trust -E UTF8 --locale=C --no-sync >${home}/log 2>&1 &&
    ${begin} && echo ready
    while read -r line; do eval "$line" && echo ready; done
    ${control} -m immediate stop 2>/dev/null; ${bin}/pg_ctl -D ${home}/standby -s -m immediate stop 2>/dev/null; rm -rf ${home}/*`);
  await shell.ready(join(home, 'log'));
  const tell = (line: string): Promise<void> => shell.tell(line, join(home, 'log'));
  const url = (database: string): string => `postgres://postgres@localhost/${database}?host=${home}`;
  const query = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url('postgres') });
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  };
  let count = 0;
  let template: Promise<void> | undefined;
  const create = async (from: string): Promise<string> => {
    count += 1;
    await query(`CREATE DATABASE d${count} TEMPLATE ${from}`);
    return url(`d${count}`);
  };
  return {
    url,
    create: async () => {
      await (template ??= query(`CREATE DATABASE ${TEMPLATE}`).then(() => migrated(url(TEMPLATE))));
      return create(TEMPLATE);
    },
    createEmpty: () => create('template0'),
    stop: (mode) => tell(`${control} -m ${mode} stop`),
    start: () => tell(begin),
    standby: async () => {
      const [data, socket] = [`${home}/standby`, `${home}/second`];
      const second = `${bin}/pg_ctl -D ${data} -s -w -l ${home}/standby.log`;
      await tell(
        `${bin}/pg_basebackup -D ${data} -h ${home} -U postgres -R -c fast --no-sync && mkdir ${socket} &&
        ${second} -o '${settings.replace(home, socket)}' start`.replaceAll('\n', ' '),
      );
      return { socket, promote: () => tell(`${second} promote`) };
    },
    restart: (mode) => tell(`${control} -o '${settings}' -m ${mode} restart`),
    end: async () => {
      await shell.end();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function migrated(url: string): Promise<void> {
  const session = await Session.open(clientConfig(url), MIGRATION_SETUP);
  await migratePostgres(session, MIGRATIONS, systemClock);
  // Waited for: a template that somebody is connected to cannot be copied.
  await session.close();
}

/** A shell that says `ready` after each thing it was told, and cleans up at the end of its input. */
function keeper(script: string) {
  const shell = ['sh', '-c', script];
  const as = ['--reuid=postgres', '--regid=postgres', '--clear-groups'];
  const root = process.getuid?.() === 0;
  const child: ChildProcess = spawn(root ? 'setpriv' : 'sh', root ? [...as, ...shell] : shell.slice(1), {
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: '/',
    detached: true,
  });
  const gone = once(child, 'exit').then(() => 'gone');
  const ready = async (log: string): Promise<void> => {
    const said = once(child.stdout as NodeJS.ReadableStream, 'data').then(() => 'ready');
    if ((await Promise.race([gone, said])) === 'gone') {
      throw new Error(`PostgreSQL did not start: ${existsSync(log) ? readFileSync(log, 'utf8') : 'no log'}`);
    }
  };
  return {
    ready,
    tell: async (line: string, log: string): Promise<void> => {
      const answered = ready(log);
      child.stdin?.write(`${line}\n`);
      await answered;
    },
    end: async (): Promise<void> => {
      child.stdin?.end();
      await gone;
    },
  };
}
