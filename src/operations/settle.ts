import type { Effect, Read } from '../actions/define.ts';
import type { Clock } from '../kernel/clock.ts';
import { isUpid, parseUpid, type Run } from '../proxmox/index.ts';
import type { PveApi } from '../proxmox/types.ts';
import { nodeInPath } from './step.ts';

export type Verdict =
  /** A task that can only be ours: adopt it. */
  | { readonly by: 'task'; readonly upid: string }
  /** No task, but the state is what the effect makes it. */
  | { readonly by: 'postcondition' }
  /** No task and no trace of it, and sending again is harmless. */
  | { readonly by: 'absence' }
  /** The host remembers the command and its outcome. */
  | { readonly by: 'marker'; readonly data: unknown }
  | { readonly by: 'nobody'; readonly known: string };

/** PVE may still be working on a request whose connection is gone; so often and so long we look again. */
const LOOKS = 5;
const PAUSE_MS = 1_000;
/** A task's start time has whole seconds, and clocks are read one after the other. */
const MARGIN_S = 2;

export interface SettleInput {
  readonly api: PveApi;
  readonly clock: Clock;
  readonly effect: Effect;
  /** When the intent became durable, by our clock. */
  readonly intentAt: number;
  /** What the node's clock was ahead of ours when the operation came to it, in milliseconds. */
  readonly clockAhead: number;
  readonly journal: { claimed(upid: string): Promise<boolean> };
}

/** Settles an effect whose intent is known and whose answer is not, by evidence read from live PVE. */
export async function settle(input: SettleInput): Promise<Verdict> {
  const { api, clock, effect } = input;
  const read: Read = (path, params = {}) => api.get(path, params);
  if (effect.marked !== undefined) return askHost(read, effect.marked);
  const node = nodeInPath(effect.path);
  const since = node === undefined ? 0 : await earliestStart(read, node, input);
  for (let look = 0; look < LOOKS; look++) {
    if (effect.task !== undefined && node !== undefined) {
      const upid = await findTask(read, node, since, input);
      if (upid !== undefined) return { by: 'task', upid };
    }
    if (await effect.settled(read, false)) return { by: 'postcondition' };
    await clock.sleep(PAUSE_MS);
  }
  if (effect.resend === 'safe') return { by: 'absence' };
  return {
    by: 'nobody',
    known: `it was about to be sent, no task of it was found on ${node ?? 'the cluster'}, and the state does not show it; sending it again might do it twice`,
  };
}

/** A command that runs still, or never began, is sent again under its id: then the host waits for its end. */
async function askHost(read: Read, { node, id }: NonNullable<Effect['marked']>): Promise<Verdict> {
  const { state, exit, output } = (await read(`/ssh/${node}/runs/${id}`)) as Run;
  if (state === 'ended') return { by: 'marker', data: { exit, output } };
  if (state !== 'cut off') return { by: 'absence' };
  return { by: 'nobody', known: `the command began on ${node} and was cut off; nobody knows how far it came` };
}

/**
 * The intent in the node's own seconds. Clocks differ and are set now and then, so what the node's clock was ahead when
 * the operation came to it and what it is ahead now both count: the earlier of the two.
 */
async function earliestStart(read: Read, node: string, { clock, intentAt, clockAhead }: SettleInput): Promise<number> {
  const aheadNow = await readClockAhead(read, node, clock);
  return Math.floor((intentAt + Math.min(clockAhead, aheadNow)) / 1000) - MARGIN_S;
}

/** Milliseconds by which a node's clock is ahead of ours; negative when it is behind. */
export async function readClockAhead(read: Read, node: string, clock: Clock): Promise<number> {
  const { time } = (await read(`/nodes/${node}/time`)) as { time?: unknown };
  const seconds = Number(time);
  return Number.isFinite(seconds) ? seconds * 1000 - clock.now() : 0;
}

async function findTask(
  read: Read,
  node: string,
  since: number,
  { effect, api, journal }: SettleInput,
): Promise<string | undefined> {
  const id = effect.taskId ?? /\/(?:qemu|lxc)\/(\d+)(?:\/|$)/.exec(effect.path)?.[1] ?? '';
  const query = { source: 'all', since, typefilter: effect.task, limit: 100 };
  const tasks = (await read(`/nodes/${node}/tasks`, query)) as readonly PveTask[];
  // By the UPID: lists name a token's task by its user alone, with the token's id beside it.
  const known = tasks.filter(({ upid }) => isUpid(upid)).map(({ upid }) => ({ upid, ...parseUpid(upid) }));
  const fitting = known.filter(
    (task) => task.type === effect.task && task.id === id && task.user === api.principal && task.starttime >= since,
  );
  // Two candidates would mean that the same user did the same by hand in the same seconds; the first is the one we sent.
  for (const { upid } of fitting.sort((one, other) => one.starttime - other.starttime)) {
    if (!(await journal.claimed(upid))) return upid;
  }
  return undefined;
}

interface PveTask {
  readonly upid: string;
}
