import { ManualClock } from '../kernel/clock.ts';
import { seededIds } from '../kernel/ids.ts';
import type { SimResponse } from './core/dispatch.ts';
import { Simulator } from './simulator.ts';
import type { WORLDS } from './worlds/load.ts';

/** A simulator of one of the worlds, for tests: the same every time. */
export function simulate(world: (typeof WORLDS)[number] = 'enterprise', seed = 'test'): Simulator {
  const clock = new ManualClock();
  return Simulator.fromWorld(world, { ids: seededIds(seed, clock), now: clock.now() });
}

type Params = Readonly<Record<string, string | readonly string[] | number | boolean>>;

/** One call; answers what came, whatever its status. */
export const call = (simulator: Simulator, line: string, params: Params = {}, principal = 'root@pam'): SimResponse => {
  const [method = '', path = ''] = line.split(' ');
  return simulator.handle({ method, path, params, principal });
};

/** `data` of a call that must succeed. */
export function data<T = Record<string, unknown>>(
  simulator: Simulator,
  line: string,
  params: Params = {},
  principal = 'root@pam',
): T {
  const { status, reason, body } = call(simulator, line, params, principal);
  if (status !== 200) throw new Error(`${line}: ${status} ${reason} ${JSON.stringify(body)}`);
  return (body as { data: T }).data;
}

/** Runs a call that starts a task to its end; answers how the task ended. */
export function runTask(simulator: Simulator, line: string, params: Params = {}, principal = 'root@pam'): string {
  const upid = data<string>(simulator, line, params, principal);
  simulator.settle();
  return taskStatus(simulator, upid);
}

export const taskStatus = (simulator: Simulator, upid: string): string =>
  data<{ exitstatus?: string }>(simulator, `GET /nodes/${upid.split(':')[1]}/tasks/${encodeURIComponent(upid)}/status`)
    .exitstatus ?? 'running';

/** The lines of a task's log. */
export const taskLog = (simulator: Simulator, upid: string): string[] =>
  data<{ t: string }[]>(simulator, `GET /nodes/${upid.split(':')[1]}/tasks/${encodeURIComponent(upid)}/log`, {
    limit: 0,
  }).map(({ t }) => t);
