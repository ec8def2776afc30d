import { setTimeout as pause } from 'node:timers/promises';
import type { ChaosDatabase } from './database.ts';
import { ENDED, guestsOf, inspect } from './inspect.ts';
import { beginPlan } from './plans.ts';
import { Stage, type Json } from './processes.ts';
import { Random } from './random.ts';

export interface ChaosOptions {
  readonly seed: string;
  readonly replicas: number;
  readonly database: ChaosDatabase;
}

export interface Verdict {
  readonly state: string;
  /** What was done to it, in order. */
  readonly disturbed: readonly string[];
  readonly faults: number;
  /** Why it needs attention or failed. */
  readonly why: string;
  /** Everything that is not as promised; empty is good. */
  readonly broken: readonly string[];
}

const PATIENCE_MS = 120_000;
const NODES = ['pve1', 'pve2', 'pve3', 'pve4', 'pve5'];

/** One life: a random plan, random kills and cuts at seeded moments, then everything that was promised is checked. */
export async function chaosRun({ seed, replicas, database }: ChaosOptions): Promise<Verdict> {
  const random = new Random(seed);
  const stage = new Stage(database.url);
  try {
    await stage.startCluster(String(random.pick([5, 20, 50])));
    for (let index = 0; index < replicas; index++) await stage.startServer(index);
    const before = await guestsOf(stage);
    const faults = await injectFaults(stage, random);
    const { plan, operation_id } = await beginPlan(stage, random);
    const disturbed = await disturb(stage, random, { replicas, database });
    const operation = await ended(stage, operation_id, replicas);
    const died = stage.died();
    const broken =
      died.length > 0 ? died : await inspect(stage, { plan, operation, before, nodeDied: disturbed.includes('node') });
    await stage.stopServers();
    broken.push(...(await database.leaks(stage.directory, operation)));
    const { message = '' } = (operation['error'] ?? {}) as { message?: string };
    return { state: String(operation['state']), disturbed, faults, why: message, broken };
  } finally {
    await stage.close();
  }
}

async function injectFaults(stage: Stage, random: Random): Promise<number> {
  const faults = Array.from({ length: random.below(4) }, () => ({
    match: { method: random.pick(['POST', 'PUT', 'GET']), nth: random.between(1, 6) },
    kind: random.pick(['cut-before', 'cut-after', 'delay', 'task-vanish']),
    delay_ms: random.between(50, 1_500),
  }));
  await stage.control('faults', { faults });
  return faults.length;
}

interface Scene {
  readonly replicas: number;
  readonly database: ChaosDatabase;
}

async function disturb(stage: Stage, random: Random, scene: Scene): Promise<string[]> {
  const done: string[] = [];
  for (let left = random.below(5); left > 0; left--) {
    await pause(random.between(5, 700));
    const kinds = [
      'kill',
      'kill',
      'term',
      'pause',
      'node',
      'cut-ssh',
      ...(scene.database.crash === undefined ? [] : ['database']),
    ];
    const kind = random.pick(kinds);
    done.push(kind);
    await disturbances[kind]?.(stage, random, scene);
  }
  return done;
}

const disturbances: Readonly<Record<string, (stage: Stage, random: Random, scene: Scene) => Promise<void>>> = {
  kill: async (stage, random, { replicas }) => {
    const index = random.below(replicas);
    await stage.servers[index]?.kill();
    await stage.startServer(index);
  },
  term: async (stage, random, { replicas }) => {
    const index = random.below(replicas);
    await stage.servers[index]?.kill('SIGTERM');
    await stage.startServer(index);
  },
  // Longer than a lease where somebody else can take over.
  pause: async (stage, random, { replicas }) => {
    const server = stage.servers[random.below(replicas)];
    server?.signal('SIGSTOP');
    await pause(random.between(100, replicas > 1 ? 12_000 : 1_500));
    server?.signal('SIGCONT');
  },
  node: async (stage, random) => {
    const node = random.pick(NODES);
    await stage.control('event', { kind: 'kill-node', node });
    await pause(random.between(50, 2_000));
    await stage.control('event', { kind: 'start-node', node });
  },
  'cut-ssh': async (stage) => stage.cutHost(),
  database: (_stage, _random, { database }) => database.crash?.() ?? Promise.resolve(),
};

async function ended(stage: Stage, operation_id: string, replicas: number): Promise<Json> {
  let last: Json = {};
  for (let waited = 0; waited < PATIENCE_MS; waited += 200) {
    last = (await stage.ask((waited / 200) % replicas, `/v1/operations/${operation_id}`)) ?? last;
    if (ENDED.includes(String(last['state']))) return last;
    await pause(200);
  }
  return last;
}
