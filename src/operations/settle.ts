import type { Effect, Read } from '../actions/define.ts';
import type { Clock } from '../kernel/clock.ts';
import { isUpid, parseUpid } from '../proxmox/index.ts';
import type { PveApi } from '../proxmox/types.ts';

export type Verdict =
  /** A task that can only be ours: adopt it. */
  | { readonly by: 'task'; readonly upid: string }
  /** No task, but the state is what the effect makes it. */
  | { readonly by: 'postcondition' }
  /** No task and no trace of it, and sending again is harmless. */
  | { readonly by: 'absence' }
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
  readonly journal: { claimed(upid: string): boolean };
}

/** Settles an effect whose intent is known and whose answer is not, by evidence read from live PVE. */
export async function settle({ api, clock, effect, intentAt, journal }: SettleInput): Promise<Verdict> {
  const read: Read = (path, params = {}) => api.get(path, params);
  const node = /^\/nodes\/([^/]+)\//.exec(effect.path)?.[1];
  const since = node === undefined ? 0 : await nodeSeconds(read, node, clock, intentAt);
  for (let look = 0; look < LOOKS; look++) {
    if (effect.task !== undefined && node !== undefined) {
      const upid = await findTask(read, node, effect, since, api.principal, (id) => journal.claimed(id));
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

/** `intentAt` in the node's own seconds: clocks differ, so the node is asked what time it has. */
async function nodeSeconds(read: Read, node: string, clock: Clock, intentAt: number): Promise<number> {
  const answer = (await read(`/nodes/${node}/time`)) as { time?: unknown };
  const theirs = Number(answer.time ?? Math.floor(clock.now() / 1000));
  const skew = theirs - clock.now() / 1000;
  return Math.floor(intentAt / 1000 + skew) - MARGIN_S;
}

async function findTask(
  read: Read,
  node: string,
  effect: Effect,
  since: number,
  user: string,
  claimed: (upid: string) => boolean,
): Promise<string | undefined> {
  const id = effect.taskId ?? /\/(?:qemu|lxc)\/(\d+)(?:\/|$)/.exec(effect.path)?.[1] ?? '';
  const tasks = (await read(`/nodes/${node}/tasks`, {
    source: 'all',
    since,
    typefilter: effect.task,
    limit: 100,
  })) as readonly PveTask[];
  // By the UPID: lists name a token's task by its user alone, with the token's id beside it.
  const ours = tasks
    .filter(({ upid }) => isUpid(upid) && !claimed(upid))
    .map(({ upid }) => ({ upid, ...parseUpid(upid) }));
  const fitting = ours.filter(
    (task) => task.type === effect.task && task.id === id && task.user === user && task.starttime >= since,
  );
  // Two candidates would mean that the same user did the same by hand in the same seconds; the first is the one we sent.
  return fitting.sort((one, other) => one.starttime - other.starttime)[0]?.upid;
}

interface PveTask {
  readonly upid: string;
}
