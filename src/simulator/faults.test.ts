import { describe, expect, it } from 'vitest';
import { FaultError, parseFaults } from './fault-list.ts';
import type { Fault } from './faults.ts';
import { call, data, simulate, taskStatus } from './testing.ts';

const CONFIG = '/nodes/pve2/qemu/121/config';

const described = (sim: ReturnType<typeof simulate>): unknown => data(sim, `GET ${CONFIG}`).description;
const describeAs = (sim: ReturnType<typeof simulate>, description: string): void =>
  void data(sim, `PUT ${CONFIG}`, { description });

describe('a stale answer', () => {
  it('is of the moment before the last change, whatever was asked before', () => {
    const sim = simulate();
    sim.inject({ match: { path: CONFIG, times: 0 }, kind: 'stale' });
    const before = described(sim);
    describeAs(sim, 'one');
    expect(described(sim)).toBe(before);
    describeAs(sim, 'two');
    expect(described(sim)).toBe('one');
    sim.clearFaults();
    expect(described(sim)).toBe('two');
  });

  it('knows nothing of what was just made, and hits changes never', () => {
    const sim = simulate();
    sim.inject({ match: { path: '/nodes/pve1/qemu*' }, kind: 'stale' });
    const upid = data<string>(sim, 'POST /nodes/pve1/qemu', { vmid: 500, name: 'new' });
    expect(call(sim, 'GET /nodes/pve1/qemu/500/config').reason).toContain('does not exist');
    expect(data(sim, 'GET /nodes/pve1/qemu/500/config')).toMatchObject({ lock: 'create' });
    sim.settle();
    expect(taskStatus(sim, upid)).toBe('OK');
  });

  it('is as old as asked for', () => {
    const sim = simulate();
    sim.inject({ match: { path: CONFIG, times: 0 }, kind: 'stale', stale_ms: 8_000 });
    const before = described(sim);
    describeAs(sim, 'one');
    sim.advance(7_000);
    expect(described(sim)).toBe(before);
    sim.advance(4_000);
    expect(described(sim)).toBe('one');
    describeAs(sim, 'two');
    sim.advance(86_400_000);
    expect(described(sim)).toBe('two');
  });

  it('shows a task that has ended as it ran', () => {
    const sim = simulate();
    sim.inject({ match: { path: '*/tasks/*', times: 0 }, kind: 'stale', stale_ms: 1_000 });
    const upid = data<string>(sim, 'POST /nodes/pve4/qemu/9000/clone', { newid: 500, full: 1 });
    sim.settle();
    expect(sim.world.tasks.find(upid)?.exitstatus).toBe('OK');
    expect(taskStatus(sim, upid)).toBe('running');
    sim.advance(2_000);
    expect(taskStatus(sim, upid)).toBe('OK');
  });

  it('leaves the cluster as it is', () => {
    const [with_, without] = [simulate(), simulate()];
    with_.inject({ match: { times: 0 }, kind: 'stale', stale_ms: 500 });
    for (const sim of [with_, without]) {
      call(sim, 'GET /cluster/ha/status/current');
      describeAs(sim, 'one');
      call(sim, `GET ${CONFIG}`);
      sim.advance(20_000);
    }
    expect(with_.save()).toBe(without.save());
  });
});

describe('a probability', () => {
  const run = (seed: string, fault: Partial<Fault> = {}): number[] => {
    const sim = simulate();
    sim.inject({ match: { path: '/version' }, kind: 'status', probability: 0.1, ...fault }, seed);
    return Array.from({ length: 500 }, () => call(sim, 'GET /version').status);
  };
  const hits = (statuses: readonly number[]): number => statuses.filter((status) => status === 500).length;

  it('hits about that share of the calls, the same ones with the same seed', () => {
    expect(hits(run('a'))).toBeGreaterThan(25);
    expect(hits(run('a'))).toBeLessThan(80);
    expect(run('a')).toEqual(run('a'));
    expect(run('a')).not.toEqual(run('b'));
  });

  it.each([
    [{ probability: 0 }, 0],
    [{ probability: 1 }, 500],
    [{ probability: 0.5, match: { path: '/version', times: 3 } }, 3],
  ])('%j hits %i of 500', (fault, count) => {
    expect(hits(run('a', fault))).toBe(count);
  });

  it('is drawn for changes as if nobody had read in between', () => {
    const run2 = (reads: number): number[] => {
      const sim = simulate();
      sim.inject({ match: {}, kind: 'status', probability: 0.5 }, 'a');
      return Array.from({ length: 50 }, (_, at) => {
        for (let n = 0; n < reads; n++) call(sim, 'GET /version');
        return call(sim, 'POST /pools', { poolid: `p${at}` }).status;
      });
    };
    expect(run2(0)).toEqual(run2(3));
  });
});

describe('a list of faults', () => {
  it('is taken with its seed, `match` being optional', () => {
    expect(parseFaults({ seed: 7, faults: [{ kind: 'stale', probability: 0.1 }] })).toEqual({
      seed: '7',
      faults: [{ kind: 'stale', probability: 0.1, match: {} }],
    });
  });

  it.each<[unknown, RegExp]>([
    [null, /no object/],
    [[], /no object/],
    [{}, /`faults` is a list/],
    [{ faults: {} }, /`faults` is a list/],
    [{ faults: [], seed: {} }, /`seed`/],
    [{ faults: [], fault: 1 }, /unknown field 'fault'/],
    [{ faults: [null] }, /^fault 1 is no object/],
    [{ faults: [{ kind: 'cut-before' }, 3] }, /^fault 2 is no object/],
    [{ faults: [{}] }, /`kind` is missing/],
    [{ faults: [{ kind: 'explode' }] }, /`kind` is one of cut-before/],
    [{ faults: [{ kind: 'delay', delay_ms: -1 }] }, /`delay_ms` is a number from 0/],
    [{ faults: [{ kind: 'delay', delay_ms: '1' }] }, /`delay_ms`/],
    [{ faults: [{ kind: 'status', status: 42 }] }, /`status` is a whole number from 400 to 599/],
    [{ faults: [{ kind: 'status', message: 3 }] }, /`message` is a text/],
    [{ faults: [{ kind: 'stale', stale_ms: -5 }] }, /`stale_ms`/],
    [{ faults: [{ kind: 'stale', probability: 1.5 }] }, /`probability` is a number from 0 to 1/],
    [{ faults: [{ kind: 'stale', match: 'all' }] }, /`match` is an object/],
    [{ faults: [{ kind: 'stale', match: { path: '^(' } }] }, /match: `path` is not a regular expression/],
    [{ faults: [{ kind: 'stale', match: { nth: 0 } }] }, /`nth`/],
    [{ faults: [{ kind: 'stale', match: { method: 'get' } }] }, /`method` is one of GET/],
    [{ faults: [{ kind: 'stale', match: { constructor: 1 } }] }, /unknown field 'constructor'/],
  ])('is refused when it is %j', (value, words) => {
    expect(() => parseFaults(value)).toThrow(FaultError);
    expect(() => parseFaults(value)).toThrow(words);
  });
});
