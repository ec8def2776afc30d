import { setTimeout as pause } from 'node:timers/promises';
import { postgresPrograms, startPostgres } from '../../src/store/postgres/testing.ts';
import { Stage } from '../chaos/processes.ts';
import type { Figure } from './figure.ts';

const KILLS = 20;
const LOOK_MS = 20;
/** Kills fall anywhere between two renewals of the lease, which come every second. */
const SPREAD_MS = 1_000;

/** From SIGKILL of the replica that runs an operation until another has it; nothing where PostgreSQL is absent. */
export async function benchReplicas(): Promise<Figure[]> {
  if (postgresPrograms() === undefined) return [];
  const server = await startPostgres();
  const stage = new Stage(await server.create());
  try {
    // Tasks end only when they are told to: every kill comes while a task runs.
    await stage.startCluster('manual');
    for (const index of [0, 1]) await stage.startServer(index);
    const times: number[] = [];
    for (let round = 0; round < KILLS; round++) times.push(await takeover(stage, round));
    times.sort((a, b) => a - b);
    const median = ((times[KILLS / 2 - 1] ?? 0) + (times[KILLS / 2] ?? 0)) / 2;
    const limit = '<= 15 s';
    return [
      { name: `takeover after SIGKILL, median of ${KILLS}`, value: median / 1_000, unit: 's', limit },
      { name: `takeover after SIGKILL, longest of ${KILLS}`, value: (times.at(-1) ?? 0) / 1_000, unit: 's', limit },
    ];
  } finally {
    await stage.close();
    await server.end();
  }
}

/** Milliseconds. The replicas take turns in being killed. */
async function takeover(stage: Stage, round: number): Promise<number> {
  const [victim, heir] = round % 2 === 0 ? [0, 1] : [1, 0];
  const clone = { environment: 'home', action: 'vm.clone', target: 'vm/9000', params: { name: `takeover-${round}` } };
  const plan = await stage.ask(victim, '/v1/actions/plan', clone);
  const begun = await stage.ask(victim, '/v1/actions/apply', { plan_id: plan?.['plan_id'] });
  const path = `/v1/operations/${String(begun?.['operation_id'])}`;
  const look = async (): Promise<{ attempt?: number; state?: string; effects?: { state: string }[] }> =>
    (await stage.ask(heir, path)) ?? {};
  await until(async () => (await look()).effects?.[0]?.state === 'running', 'the clone to run');
  await pause((SPREAD_MS * round) / KILLS);
  const killed = performance.now();
  await stage.servers[victim]?.kill();
  await until(async () => (await look()).attempt === 2, 'the takeover');
  const took = performance.now() - killed;
  await until(async () => {
    await stage.control('settle', {});
    return (await look()).state === 'applied';
  }, 'the end');
  await stage.startServer(victim);
  return took;
}

async function until(done: () => Promise<boolean>, what: string): Promise<void> {
  for (const began = performance.now(); !(await done()); await pause(LOOK_MS)) {
    if (performance.now() - began > 60_000) throw new Error(`waited a minute for ${what}`);
  }
}
