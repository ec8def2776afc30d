import { expect, test } from 'vitest';
import { ManualClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { createPveApi } from './api.ts';
import { closedPort, open, rejection, type Reply, serve, TOKEN } from './fixtures/servers.ts';
import { principalOf } from './auth.ts';
import type { TaskProgress } from './types.ts';

const UPID = 'UPID:pve1:000059FF:000BB594:6B000A08:qmclone:100:agent@pve!control:';
const BASE = `/api2/json/nodes/pve1/tasks/${encodeURIComponent(UPID)}`;

const running: Reply = { body: { data: { status: 'running', upid: UPID } } };
const stopped = (exitstatus: string): Reply => ({ body: { data: { status: 'stopped', exitstatus, upid: UPID } } });
const refused = (status: number, reason: string, body?: object): Reply => ({ status, reason, body });
const forgotten = refused(400, 'Parameter verification failed.', {
  data: null,
  message: 'Parameter verification failed.\n',
  errors: { upid: 'no such task' },
});

/** A node that answers one status after the other (the last for ever) and serves the log that `log` returns by then. */
async function scripted(
  statuses: readonly (Reply | 'cut')[],
  log: (polls: number) => readonly string[] | Reply = () => [],
) {
  let polls = 0;
  const logReads: { start: number; limit: number }[] = [];
  const clock = new ManualClock(0);
  const server = await serve(({ url }) => {
    const { pathname, searchParams } = new URL(url, 'https://x');
    if (pathname === `${BASE}/status`) return statuses[Math.min(polls++, statuses.length - 1)] as Reply;
    if (pathname !== `${BASE}/log`) return refused(501, 'not implemented');
    const start = Number(searchParams.get('start'));
    const limit = Number(searchParams.get('limit'));
    logReads.push({ start, limit });
    const lines = log(polls);
    if (!Array.isArray(lines)) return lines as Reply;
    // As PVE does: a log without a line is the line "no content"; rows come in any order (FACTS 31 and 39).
    const rows = lines
      .map((t: string, index: number) => ({ n: index + 1, t }))
      .slice(start, start + limit)
      .toReversed();
    return {
      body: { data: lines.length === 0 ? [{ n: 1, t: 'no content' }] : rows, total: Math.max(1, lines.length) },
    };
  });
  const api = createPveApi(open([server.url]), { principal: principalOf(TOKEN), clock, log: silentLogger });
  return { api, clock, server, logReads, polls: () => polls };
}

test('polls fast at first and then slower, and reads no log of a task that went well', async () => {
  const { api, clock, polls, logReads } = await scripted([...Array.from({ length: 30 }, () => running), stopped('OK')]);
  expect(await api.waitTask(UPID)).toEqual({ upid: UPID, exitstatus: 'OK', ok: true, log: [] });
  expect(polls()).toBe(31);
  // 12 pauses of 20 ms x 1.5^n (5149 ms) and 18 of the longest, 2 s.
  expect(clock.now()).toBeGreaterThan(41_000);
  expect(clock.now()).toBeLessThan(41_300);
  expect(logReads).toEqual([]);
});

test.each([
  ['WARNINGS: 1', true, 'WARNINGS: 1'],
  ['VM 300 already running ', false, 'VM 300 already running'],
  ['unexpected status', false, 'unexpected status'],
  ['received interrupt', false, 'received interrupt'],
  ['OK?', false, 'OK?'],
])('exit status %j', async (exitstatus, ok, words) => {
  const { api } = await scripted([stopped(exitstatus)], () => ['a', 'b']);
  expect(await api.waitTask(UPID)).toEqual({ upid: UPID, exitstatus: words, ok, log: ['a', 'b'] });
});

test('a failed task brings the last 20 lines of its log', async () => {
  const lines = Array.from({ length: 1234 }, (_, index) => `line ${index}`);
  const { api, logReads } = await scripted([stopped('clone failed')], () => lines);
  expect((await api.waitTask(UPID)).log).toEqual(lines.slice(-20));
  expect(logReads.length).toBe(2);
});

test('a log that cannot be read does not spoil the result', async () => {
  const { api } = await scripted([stopped('clone failed')], () => refused(500, 'gone'));
  expect(await api.waitTask(UPID)).toEqual({ upid: UPID, exitstatus: 'clone failed', ok: false, log: [] });
  const listening = await scripted([running, stopped('OK')], () => refused(403, 'Permission check failed'));
  expect(await listening.api.waitTask(UPID, { onProgress: () => undefined })).toMatchObject({
    exitstatus: 'OK',
    ok: true,
  });
});

test('progress is read where it left off and never twice', async () => {
  const logs = [
    [],
    ['create full clone of drive scsi0', 'transferred 0.0 B of 2.0 GiB (0.00%)'],
    [
      'create full clone of drive scsi0',
      'transferred 0.0 B of 2.0 GiB (0.00%)',
      'transferred 1.0 GiB of 2.0 GiB (50.00%)',
      'syncing',
      '',
    ],
  ];
  const done = [...(logs[2] ?? []), 'TASK OK'];
  const seen: TaskProgress[] = [];
  const { api, logReads } = await scripted([running, running, running, running, stopped('OK')], (polls) =>
    polls > 4 ? done : (logs[polls - 1] ?? logs[2] ?? []),
  );
  const result = await api.waitTask(UPID, { onProgress: (progress) => seen.push(progress) });
  expect(seen).toEqual([
    { line: 'transferred 0.0 B of 2.0 GiB (0.00%)', fraction: 0 },
    { line: 'syncing', fraction: 0.5 },
    { line: 'TASK OK', fraction: 0.5 },
  ]);
  expect(logReads.map(({ start }) => start)).toEqual([0, 0, 2, 5, 5]);
  expect(result.log).toEqual(done);
});

test('a listener hears of the last line of a log longer than one answer', async () => {
  const lines = Array.from({ length: 1100 }, (_, index) => `line ${index}`);
  const seen: TaskProgress[] = [];
  const { api } = await scripted([stopped('OK')], () => lines);
  const result = await api.waitTask(UPID, { onProgress: (progress) => seen.push(progress) });
  expect(seen).toEqual([{ line: 'line 1099' }]);
  expect(result.log).toEqual(lines.slice(-20));
});

test('595, 596, cut connections and a node that starts up are survived', async () => {
  const away = [
    refused(595, 'Connection timed out'),
    refused(596, 'Broken pipe'),
    'cut',
    refused(500, 'cluster not ready'),
    refused(502, 'Bad Gateway'),
  ] as const;
  const { api, polls } = await scripted([running, ...away, running, ...away, stopped('OK')]);
  expect(await api.waitTask(UPID)).toMatchObject({ ok: true });
  expect(polls()).toBe(13);
});

test('a node that stays away is given up after the time that was set, counted anew after each answer', async () => {
  const lost = await scripted([running, refused(595, 'No route to host')]);
  expect(await rejection(lost.api.waitTask(UPID))).toMatchObject({ code: 'PVE_UNREACHABLE' });
  expect(lost.clock.now()).toBeGreaterThanOrEqual(600_000);
  expect(lost.clock.now()).toBeLessThan(604_000);
  const nine = Array.from({ length: 270 }, () => refused(595, 'No route to host'));
  const back = await scripted([...nine, running, ...nine, stopped('OK')]);
  expect(await back.api.waitTask(UPID)).toMatchObject({ ok: true });
  expect(back.clock.now()).toBeGreaterThan(600_000);
});

test('the patience is a setting; refusals end sooner, and those of permission at once', async () => {
  const clock = new ManualClock(0);
  const nowhere = createPveApi(open([await closedPort()]), {
    principal: 'x@pam',
    clock,
    log: silentLogger,
    patience: 5000,
  });
  expect(await rejection(nowhere.waitTask(UPID))).toMatchObject({ code: 'PVE_UNREACHABLE' });
  expect(clock.now()).toBeLessThan(8000);
  const refusing = await scripted([refused(500, 'hostname lookup failed')]);
  expect(await rejection(refusing.api.waitTask(UPID))).toMatchObject({ code: 'PVE_REJECTED' });
  expect(refusing.clock.now()).toBeGreaterThanOrEqual(60_000);
  expect(refusing.clock.now()).toBeLessThan(63_000);
  const denied = await scripted([refused(403, 'Permission check failed')]);
  expect(await rejection(denied.api.waitTask(UPID))).toMatchObject({ code: 'PVE_REJECTED' });
  expect(denied.polls()).toBe(1);
});

test('a task that the node no longer knows ended nobody knows how', async () => {
  const { api } = await scripted([running, forgotten]);
  expect(await api.waitTask(UPID)).toEqual({ upid: UPID, exitstatus: 'unknown', ok: false, log: [] });
});

test('what is no UPID is not asked about', async () => {
  const { api, server } = await scripted([running]);
  expect(await rejection(api.waitTask('UPID:foo'))).toMatchObject({ code: 'VALIDATION_FAILED' });
  expect(server.received).toEqual([]);
});

test('aborting ends the waiting with the signal’s own reason', async () => {
  const { api, polls } = await scripted([running], () => ['working']);
  const controller = new AbortController();
  const enough = new Error('enough');
  const error = await rejection(
    api.waitTask(UPID, { signal: controller.signal, onProgress: () => controller.abort(enough) }),
  );
  expect(error).toBe(enough);
  expect(polls()).toBe(1);
  expect(await rejection(api.waitTask(UPID, { signal: AbortSignal.abort(enough) }))).toBe(enough);
  expect(polls()).toBe(1);
});
