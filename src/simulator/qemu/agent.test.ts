import { describe, expect, it } from 'vitest';
import { call, data, simulate } from '../testing.ts';

const agent = '/nodes/pve1/qemu/101/agent';

describe('the guest agent', () => {
  it('keeps files, in folders that are there', () => {
    const sim = simulate();
    const write = (file: string, content: string, more = {}) =>
      call(sim, `POST ${agent}/file-write`, { file, content, ...more }).reason;
    expect(write('/etc/motd', 'grüezi')).toBe('OK');
    expect(write('/tmp/b', Buffer.from([1, 2, 3]).toString('base64'), { encode: 0 })).toBe('OK');
    expect(write('/nowhere/x', 'a')).toBe(
      "Agent error: failed to open file '/nowhere/x' (mode: 'wb'): No such file or directory",
    );
    expect(data(sim, `GET ${agent}/file-read`, { file: '/etc/motd' })).toEqual({ content: 'grüezi', 'bytes-read': 7 });
    expect(data(sim, `GET ${agent}/file-read`, { file: '/tmp/b', decode: 0, count: 2 })).toEqual({
      content: 'AQI=',
      'bytes-read': 2,
      truncated: 1,
    });
    expect(data(sim, `GET ${agent}/file-read`, { file: '/etc/hostname' })).toMatchObject({ content: 'dns-1\n' });
    expect(call(sim, `GET ${agent}/file-read`, { file: '/etc' }).reason).toBe(
      'Agent error: failed to read file: Is a directory',
    );
  });

  it('tells the result of a command once, and breaks the server on one that is not there', () => {
    const sim = simulate();
    const { pid } = data<{ pid: number }>(sim, `POST ${agent}/exec`, { command: ['cat'], 'input-data': 'hello' });
    expect(data(sim, `GET ${agent}/exec-status`, { pid })).toMatchObject({
      exited: 1,
      exitcode: 0,
      'out-data': 'hello',
    });
    expect(call(sim, `GET ${agent}/exec-status`, { pid }).reason).toBe(`Agent error: PID ${pid} does not exist`);
    expect(call(sim, `POST ${agent}/exec`, { command: '/bin/nope' })).toMatchObject({ status: 596, body: null });
  });

  it('freezes file systems, and shuts the guest down', () => {
    const sim = simulate();
    const ask = (name: string) => data<{ result: unknown }>(sim, `POST ${agent}/${name}`).result;
    expect(ask('fsfreeze-freeze')).toBeGreaterThan(0);
    expect(ask('fsfreeze-freeze')).toBe(0);
    expect(ask('fsfreeze-status')).toBe('frozen');
    expect(ask('fsfreeze-thaw')).toBeGreaterThan(0);
    ask('shutdown');
    expect(data(sim, 'GET /nodes/pve1/qemu/101/status/current')).toMatchObject({ status: 'running' });
    sim.advance(60_000);
    expect(data(sim, 'GET /nodes/pve1/qemu/101/status/current')).toMatchObject({ status: 'stopped' });
  });
});
