/**
 * What happened before a recording began. A capture holds no task lists, but the recording's own answers list earlier
 * tasks: the simulator is told those, and must then filter, page and hide them by itself.
 */
import { captureTime } from '../src/simulator/index.ts';
import { parseUpid } from '../src/simulator/tasks/upid.ts';

type Row = Record<string, unknown>;
type Capture = Record<string, unknown>;
interface Recorded {
  readonly task?: { readonly upid: string } | null;
  readonly request?: { readonly path: string; readonly query?: Readonly<Record<string, unknown>> };
  readonly response?: { readonly body: unknown };
}

const TASKS = /^\/(?:nodes\/[^/]+|cluster)\/tasks$/;

const dataOf = (step: Recorded): Row[] => {
  const data = (step.response?.body as { data?: unknown } | null | undefined)?.data;
  return Array.isArray(data) ? (data as Row[]) : [];
};

/** Rows of these lists that are older than the capture, newest first. */
function earlier(before: Capture, steps: readonly Recorded[], path: RegExp, time: string): Row[] {
  const seconds = (captureTime(before) ?? 0) / 1000;
  return steps
    .filter(({ request }) => path.test(request?.path ?? ''))
    .flatMap(dataOf)
    .filter((row) => Number(row[time]) <= seconds);
}

/** The capture with the tasks and log lines of before that the steps' answers show. */
export function withHistory(before: Capture, steps: readonly Recorded[]): Capture {
  const out = { ...before };
  const own = new Set(steps.map(({ task }) => task?.upid));
  const tasks = new Map<string, Row>();
  for (const row of earlier(before, steps, TASKS, 'starttime')) {
    const parts = parseUpid(String(row.upid));
    // One of them still ran: what became of it, the recording does not say.
    if (parts === undefined || row.endtime === undefined || own.has(String(row.upid))) continue;
    tasks.set(String(row.upid), { ...row, pid: parts.pid, pstart: parts.pstart });
  }
  const newest = [...tasks.values()].toSorted(
    (a, b) => Number(b.starttime) - Number(a.starttime) || Number(b.pstart) - Number(a.pstart),
  );
  for (const node of new Set(newest.map((row) => String(row.node))))
    out[`GET /nodes/${node}/tasks`] = newest.filter((row) => row.node === node);
  const lines = earlier(before, steps, /^\/cluster\/log$/, 'time');
  if (lines.length > 0) out['GET /cluster/log'] = lines;
  return out;
}

/**
 * A task list and its counterpart without what was never told: tasks that still ran when the capture was made, and a
 * count of more tasks than are listed, which must then be at least of those that are listed.
 */
export function withoutUntold(
  before: Capture,
  path: string,
  [expected, actual]: [unknown, unknown],
): [unknown, unknown] {
  const [recorded, own] = [expected as Row | null, actual as Row | null];
  if (!TASKS.test(path) || !Array.isArray(recorded?.data) || !Array.isArray(own?.data)) return [expected, actual];
  const seconds = (captureTime(before) ?? 0) / 1000;
  const rows = (recorded.data as Row[]).filter((row) => row.endtime !== undefined || Number(row.starttime) > seconds);
  const told = { ...recorded, data: rows };
  const [there, here] = [Number(recorded.total ?? 0), Number(own.total ?? 0)];
  if (there <= rows.length || here < Math.max(1, rows.length) || here > there) return [told, actual];
  return [
    { ...told, total: '<more>' },
    { ...own, total: '<more>' },
  ];
}
