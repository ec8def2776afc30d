import { describe, expect, it } from 'vitest';
import { withHistory, withoutUntold } from './golden-history.ts';
import { plainText, stable } from './golden-volatile.ts';

const get = (path: string) => ({ method: 'GET', path });

describe('what the recordings leave open', () => {
  it('is replaced in texts by pattern, and nothing beside it', () => {
    expect(plainText("open '/etc/pve/nodes/a/qemu-server/100.conf.tmp.26676' failed")).toBe(
      "open '/etc/pve/nodes/a/qemu-server/100.conf.tmp.<pid>' failed",
    );
    expect(plainText('pve3 (idle, watchdog standby, Fri Nov 20 08:48:58 2026)')).toBe(
      'pve3 (idle, watchdog standby, <time>)',
    );
    expect(plainText('--- /etc/a\t2026-11-20 08:26:22.894286835 +0000\n+iface vmbr1')).toBe(
      '--- /etc/a\t<time>\n+iface vmbr1',
    );
  });

  it('is a ticket only when it has the form of one', () => {
    const login = { method: 'POST', path: '/access/ticket' };
    const ticket = (text: string): unknown => stable(login, { data: { ticket: text, username: 'root@pam' } });
    expect(ticket('PVE:root@pam:6B000AFE::abc=')).toEqual(ticket(''));
    expect(ticket('PVE:root@pam:abc=')).not.toEqual(ticket(''));
    expect(stable(get('/version'), { data: { ticket: 'PVE:root@pam:6B000AFE::abc=' } })).not.toEqual(
      stable(get('/version'), { data: { ticket: '' } }),
    );
  });

  it('is what lags behind in lists of resources, not who is in them', () => {
    const row = (vmid: number, status: string): unknown => ({ data: [{ type: 'qemu', vmid, status, node: 'a' }] });
    const list = get('/cluster/resources');
    expect(stable(list, row(100, 'running'))).toEqual(stable(list, row(100, 'stopped')));
    expect(stable(list, row(100, 'running'))).not.toEqual(stable(list, row(101, 'running')));
    const live = get('/nodes/a/qemu');
    expect(stable(live, row(100, 'running'))).not.toEqual(stable(live, row(100, 'stopped')));
  });

  it('is the value of what is inside a guest, not its form', () => {
    const path = get('/nodes/a/qemu/100/agent/get-host-name');
    const name = (value: unknown): unknown => stable(path, { data: { result: value } });
    expect(name({ 'host-name': 'a' })).toEqual(name({ 'host-name': 'b' }));
    expect(name({ 'host-name': 'a' })).not.toEqual(name({ 'host-name': 1 }));
    expect(name({ 'host-name': 'a' })).not.toEqual(name({ hostname: 'a' }));
  });
});

describe('what happened before a recording', () => {
  const before = { 'GET /nodes/a/time': { time: 1_000 } };
  const row = (pid: string, starttime: number, more: object = { endtime: 999, status: 'OK' }) => ({
    upid: `UPID:a:0000000${pid}:00000001:${starttime.toString(16).toUpperCase().padStart(8, '0')}:qmstart:100:root@pam:`,
    node: 'a',
    starttime,
    ...more,
  });
  const path = '/nodes/a/tasks';
  const answered = (data: unknown[], total = data.length) => ({
    request: { path },
    response: { body: { data, total } },
  });

  it('is told from the answers: what is older than the capture, has ended and is no task of a step', () => {
    const own = row('3', 1_000);
    const steps = [{ task: { upid: own.upid }, ...answered([row('5', 1_001), own, row('2', 990), row('1', 980, {})]) }];
    expect(withHistory(before, steps)[`GET ${path}`]).toMatchObject([{ starttime: 990, pid: 2 }]);
    expect(withHistory(before, [])).toEqual(before);
  });

  it('counts more than is listed, but then not fewer either', () => {
    const untold = (total: number) =>
      withoutUntold(before, path, [
        { data: [row('1', 990)], total: 9 },
        { data: [row('1', 990)], total },
      ]);
    const [recorded, own] = untold(2);
    expect(recorded).toEqual(own);
    for (const total of [0, 10]) expect(untold(total)[0]).not.toEqual(untold(total)[1]);
    const [complete, other] = withoutUntold(before, path, [
      { data: [row('1', 990)], total: 1 },
      { data: [], total: 2 },
    ]);
    expect([complete, other]).toMatchObject([{ total: 1 }, { total: 2 }]);
  });
});
