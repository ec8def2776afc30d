import { may } from '../access/check.ts';
import { Beside, PlainText, type Call, type Routes } from '../core/call.ts';
import { fail, forbidden, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { TaskRecord } from '../state/types.ts';
import { parseUpid, type UpidParts } from './upid.ts';

const isRunning = (task: TaskRecord): boolean => task.endtime === undefined;

/** `ok`, `warning` or `error`, as the filter of the list names them. */
function outcome({ exitstatus = '' }: TaskRecord): string {
  if (exitstatus === 'OK') return 'ok';
  return exitstatus.startsWith('WARNINGS') ? 'warning' : exitstatus === '' ? 'unknown' : 'error';
}

/** A token sees its own tasks, a user also those of the user's tokens. */
const owns = (call: Call, user: string): boolean =>
  user === call.principal.name || user.startsWith(`${call.principal.name}!`);

/** One's own tasks, or all with Sys.Audit on the node. */
const visible = (call: Call, task: TaskRecord): boolean =>
  owns(call, task.user) || may(call, `/nodes/${task.node}`, ['Sys.Audit']);

/** The owner and the token apart, as the API shows them; the UPID has them together. */
function splitUser(name: string): Record<string, string> {
  const [user = '', tokenid] = name.split('!');
  return tokenid === undefined ? { user } : { user, tokenid };
}

function row(task: TaskRecord, showRunning: boolean): Record<string, unknown> {
  const { upid, node, type, id, user, pid, pstart, starttime, endtime, exitstatus } = task;
  const out: Record<string, unknown> = { upid, node, type, id, ...splitUser(user), pid, pstart, starttime };
  if (endtime !== undefined) Object.assign(out, { endtime, status: exitstatus });
  else if (showRunning) out.status = 'RUNNING';
  return out;
}

function list(call: Call): unknown {
  const { world, node, params } = call;
  const source = params.maybe('source') ?? 'archive';
  const since = params.maybeNumber('since');
  const until = params.maybeNumber('until');
  const user = params.maybe('userfilter');
  const type = params.maybe('typefilter');
  const vmid = params.maybe('vmid');
  const states = splitList(params.maybe('statusfilter') ?? '');
  const found = world.state.tasks
    .filter((task) => task.node === node && visible(call, task))
    .filter((task) => source === 'all' || isRunning(task) === (source === 'active'))
    .filter(
      (task) => (since === undefined || task.starttime >= since) && (until === undefined || task.starttime <= until),
    )
    .filter((task) => (user === undefined || task.user.includes(user)) && (type === undefined || task.type === type))
    .filter((task) => vmid === undefined || task.id === vmid)
    .filter((task) => !params.flag('errors') || (!isRunning(task) && task.exitstatus !== 'OK'))
    .filter((task) => states.length === 0 || (!isRunning(task) && states.includes(outcome(task))))
    .reverse();
  const start = params.maybeNumber('start') ?? 0;
  const limit = params.maybeNumber('limit') ?? 50;
  const rows = found.slice(start, start + limit).map((task) => row(task, source !== 'archive'));
  // PVE leaves a count of none out.
  return found.length === 0 ? rows : new Beside(rows, { total: found.length });
}

interface Named {
  readonly parts: UpidParts;
  readonly record: TaskRecord | undefined;
}

/** The task of the path; one's own, or with Sys.Audit on the node. */
function named(call: Call): Named {
  const upid = call.params.text('upid');
  const parts = parseUpid(upid);
  if (parts === undefined) throw parameterError({ upid: 'unable to parse worker upid' });
  if (!owns(call, parts.user) && !may(call, `/nodes/${call.node}`, ['Sys.Audit']))
    throw forbidden(`/nodes/${call.node}, Sys.Audit`);
  // A task is known on its own node only.
  return { parts, record: parts.node === call.node ? call.world.tasks.find(upid) : undefined };
}

function status(call: Call): unknown {
  const { parts, record } = named(call);
  if (record === undefined) throw parameterError({ upid: 'no such task' });
  const { upid, exitstatus } = record;
  const { node, pid, pstart, starttime, type, id, user } = parts;
  const out: Record<string, unknown> = {
    upid,
    node,
    pid,
    pstart,
    starttime,
    type,
    id,
    ...splitUser(user),
    status: isRunning(record) ? 'running' : 'stopped',
  };
  if (exitstatus !== undefined) out.exitstatus = exitstatus;
  return out;
}

function log(call: Call): unknown {
  const { params } = call;
  const { record } = named(call);
  const lines =
    record === undefined
      ? ['unable to open file - No such file or directory']
      : record.log.length === 0
        ? ['no content']
        : record.log;
  if (params.flag('download')) {
    if (params.has('start') || params.has('limit'))
      throw fail("'download' cannot be used together with 'start' or 'limit' parameters");
    return new PlainText(`${lines.join('\n')}\n`);
  }
  const start = params.maybeNumber('start') ?? 0;
  // A limit of 0 means all.
  const limit = params.maybeNumber('limit') ?? 50;
  const page = lines.slice(start, limit === 0 ? undefined : start + limit);
  return new Beside(
    page.map((t, at) => ({ n: start + at + 1, t })),
    { total: lines.length },
  );
}

/** As many tasks each node tells the others about. */
const SHARED_TASKS = 25;
/** pvestatd writes its node's list anew this often. */
const REWRITE_SECONDS = 10;

/** The task whose end was the last thing that changed its node's list, if pvestatd has not been by since. */
function freshlyEnded(
  now: number,
  running: readonly TaskRecord[],
  ended: readonly TaskRecord[],
): TaskRecord | undefined {
  const last = ended.reduce<TaskRecord | undefined>(
    (latest, task) => (latest === undefined || Number(task.endtime) > Number(latest.endtime) ? task : latest),
    undefined,
  );
  const end = last?.endtime ?? 0;
  return end > now - (now % REWRITE_SECONDS) && running.every(({ starttime }) => starttime <= end) ? last : undefined;
}

/** `saved` is a text, but a number from a task's end until the list is written anew. */
function clusterRow(task: TaskRecord, fresh: TaskRecord | undefined): Record<string, unknown> {
  const { upid, node, type, id, user, starttime, endtime, exitstatus, pid } = task;
  const common = { upid, node, type, id, ...splitUser(user), starttime };
  if (endtime === undefined) return { ...common, pid, saved: '0' };
  return { ...common, endtime, status: exitstatus, saved: task === fresh ? 1 : '1' };
}

/** Of each node what runs, then what ended last. */
function clusterTasks(call: Call): unknown[] {
  const { world } = call;
  const byNode = new Map<string, TaskRecord[]>();
  for (const task of world.state.tasks) {
    const tasks = byNode.get(task.node);
    if (tasks === undefined) byNode.set(task.node, [task]);
    else tasks.push(task);
  }
  return [...byNode.values()].flatMap((tasks) => {
    const newest = tasks.toReversed();
    const [running, ended] = [newest.filter(isRunning), newest.filter((task) => !isRunning(task))];
    const fresh = freshlyEnded(world.seconds(), running, ended);
    const shown = [...running, ...ended].slice(0, SHARED_TASKS);
    return shown.filter((task) => visible(call, task)).map((task) => clusterRow(task, fresh));
  });
}

const base = '/nodes/{node}/tasks';

export const taskApiRoutes: Routes = {
  [`GET ${base}`]: list,
  [`GET ${base}/{upid}`]: () => [{ name: 'log' }, { name: 'status' }],
  [`GET ${base}/{upid}/status`]: status,
  [`GET ${base}/{upid}/log`]: log,
  [`DELETE ${base}/{upid}`]: (call) => {
    const { parts, record } = named(call);
    if (!owns(call, parts.user) && !may(call, `/nodes/${call.node}`, ['Sys.Modify']))
      throw forbidden(`/nodes/${call.node}, Sys.Modify`);
    if (record === undefined) throw parameterError({ upid: 'no such task' });
    call.world.tasks.interrupt(record.upid, 'received interrupt');
    return null;
  },
  'GET /cluster/tasks': clusterTasks,
};
