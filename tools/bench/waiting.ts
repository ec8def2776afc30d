import { spawn } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createApp, type App } from '../../src/app.ts';
import { apply, submit } from '../../src/changes/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Config } from '../../src/kernel/config.ts';
import { systemIds } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { DEFAULT_LIMITS } from '../../src/operations/index.ts';
import { person } from './apply.ts';
import type { Figure } from './figure.ts';
import { BenchLab } from './lab.ts';

const OPERATIONS = 1_000;
const NODES = 5;
/** Tasks of a crowd are looked for this often. */
const INTERVAL_S = 1;
const WATCHED_S = 10;
/** By then all that is needed to begin has been asked, and every pause between two looks is the longest. */
const CALM_MS = 15_000;
const TOGETHER = 20;
const VARIABLE = 'PROXMOX_AGENT_BENCH_WAITING';
/** As the program itself is started. */
const FLAGS = ['--max-semi-space-size=2', '--disable-warning=ExperimentalWarning'];

/** Requests to the busiest node per interval. */
interface Asked {
  readonly lists: number;
  readonly all: number;
}

/** What a process of this file needs to know; the first begins the operations, the second finds them waiting. */
interface Task {
  readonly part: 'begin' | 'wait';
  readonly data: string;
  readonly endpoints: readonly string[];
  readonly fingerprint: string;
  readonly token: string;
  readonly secret: string;
}

/**
 * 1,000 operations that wait for a task each. Memory is that of a process that was started while they ran and has done
 * nothing else; requests are those of the process that began them one by one: there they look at every moment of the
 * interval, after a start all together.
 */
export async function benchWaiting(): Promise<Figure[]> {
  // No task ends by itself.
  const lab = new BenchLab(OPERATIONS, 'manual');
  try {
    const { endpoints, auth, tls } = await lab.environment();
    if (auth === undefined || !('token' in auth) || tls.fingerprint === undefined)
      throw new Error('the lab has neither token nor pin');
    const data = join(lab.directory, 'data');
    const { id: token, secret } = auth.token;
    const task = { data, endpoints, fingerprint: tls.fingerprint, token, secret: secret.reveal() };
    const { lists, all } = JSON.parse(await inProcess({ ...task, part: 'begin' })) as Asked;
    const memory = JSON.parse(await inProcess({ ...task, part: 'wait' })) as number;
    const each = 'per node and interval';
    const name = `memory with ${OPERATIONS} operations that wait for tasks`;
    return [
      { name, value: memory, unit: 'MB', limit: '< 200 MB' },
      { name: 'task lists asked of PVE meanwhile, the busiest node', value: lists, unit: each, limit: '<= 1' },
      { name: 'everything asked of PVE meanwhile, the busiest node', value: all, unit: each, limit: '<= 1' },
    ];
  } finally {
    lab.close();
  }
}

async function inProcess(task: Task): Promise<string> {
  // The cache as in `bin/main.js`.
  const cache = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') };
  const env = { ...process.env, ...cache, [VARIABLE]: JSON.stringify(task) };
  const child = spawn(process.execPath, [...FLAGS, import.meta.filename], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the process that should ${task.part} ended with ${String(code)}`);
  return said;
}

async function main(task: Task): Promise<void> {
  // So many at once are never sent by the product; with its own limits it would keep most of them back, unsent.
  Object.assign(DEFAULT_LIMITS, { environment: OPERATIONS, node: OPERATIONS });
  const { endpoints, fingerprint, token: id, data } = task;
  const environment = {
    name: 'bench',
    endpoints,
    auth: { token: { id, secret: new Secret(task.secret) } },
    tls: { fingerprint },
    production: false,
  };
  const config: Config = {
    environments: [environment],
    host: '127.0.0.1',
    port: 0,
    data,
    logLevel: 'silent',
    database: undefined,
    bootstrapToken: new Secret('bench-bootstrap-token-0123456789abcdef'),
  };
  const app = await createApp({ config, clock: systemClock, ids: systemIds(systemClock), log: silentLogger });
  try {
    console.log(JSON.stringify(await (task.part === 'begin' ? beginAll(app) : memoryOf(app))));
  } finally {
    await app.close();
  }
}

async function beginAll(app: App): Promise<Asked> {
  const queue = Array.from({ length: OPERATIONS }, (_, index) => 1000 + index);
  const worker = async (): Promise<void> => {
    for (let vmid = queue.shift(); vmid !== undefined; vmid = queue.shift()) {
      const start = { environment: 'bench', action: 'vm.start', target: `vm/${vmid}` };
      const { plan_id } = await submit(app.changes, start, person);
      await apply(app.changes, { plan_id: String(plan_id) }, person);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
  const { db } = app.store;
  await until(async () => {
    const waiting = await db.selectFrom('journal').select('upid').where('state', '=', 'answered').execute();
    return waiting.length === OPERATIONS;
  });
  await pause(CALM_MS);
  return watched();
}

/** Resident megabytes. */
async function memoryOf(app: App): Promise<number> {
  if (app.recovered !== OPERATIONS) throw new Error(`${app.recovered} operations were found, not ${OPERATIONS}`);
  await until(async () => app.engine.live.size === OPERATIONS);
  await pause(CALM_MS);
  if (app.engine.live.size !== OPERATIONS) throw new Error('some operations do not wait any more');
  return Math.round(process.memoryUsage().rss / 2 ** 20);
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (const began = performance.now(); !(await done()); await pause(200)) {
    if (performance.now() - began > 120_000) throw new Error(`not all ${OPERATIONS} operations wait after two minutes`);
  }
}

/** Counted where they leave. */
async function watched(): Promise<Asked> {
  const lists = new Map<string, number>();
  const all = new Map<string, number>();
  const count = (message: unknown): void => {
    const { path } = (message as { request: { path: string } }).request;
    const node = /\/nodes\/([^/]+)\//.exec(path)?.[1] ?? 'none';
    if (/\/tasks\?/.test(path)) lists.set(node, (lists.get(node) ?? 0) + 1);
    all.set(node, (all.get(node) ?? 0) + 1);
  };
  const requests = channel('undici:request:create');
  requests.subscribe(count);
  await pause(WATCHED_S * 1_000);
  requests.unsubscribe(count);
  if (lists.size !== NODES) throw new Error(`task lists of ${lists.size} nodes were asked for, not of ${NODES}`);
  const most = (counts: Map<string, number>): number => (Math.max(...counts.values()) / WATCHED_S) * INTERVAL_S;
  return { lists: most(lists), all: most(all) };
}

if (import.meta.main) await main(JSON.parse(process.env[VARIABLE] ?? '') as Task);
