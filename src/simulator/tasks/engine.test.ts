import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fail } from '../core/errors.ts';
import { Timeline } from '../core/timeline.ts';
import type { TaskRecord } from '../state/types.ts';
import { TaskEngine, type TaskContext, type Worker } from './engine.ts';
import { formatUpid, parseUpid } from './upid.ts';

function setup() {
  const timeline = new Timeline(1_000_000_000_000);
  const records: TaskRecord[] = [];
  const engine = new TaskEngine(timeline, records);
  let pid = 100;
  const start = (body: (task: TaskContext) => Worker): TaskRecord => {
    const upid = engine.start({ node: 'n', type: 'test', id: '', user: 'root@pam', pid: pid++, pstart: 1 }, body);
    return engine.find(upid) as TaskRecord;
  };
  return { timeline, engine, start };
}

const lock = (timeout = 10_000) => ({ lock: 'l', path: '/lock', timeout });

describe('tasks', () => {
  it('end OK, with warnings, or with the words of their error', () => {
    const { timeline, start } = setup();
    const good = start(function* (task) {
      task.log('hello');
      yield { wait: 1_000 };
    });
    const warned = start(function* (task) {
      task.warn('careful');
      yield { wait: 1 };
    });
    const bad = start(function* () {
      yield { wait: 1 };
      throw fail('two\nlines');
    });
    timeline.advanceTo(timeline.now() + 500);
    expect(good.exitstatus).toBeUndefined();
    timeline.advanceTo(timeline.now() + 1_000);
    expect(good).toMatchObject({ exitstatus: 'OK', log: ['hello', 'TASK OK'], endtime: good.starttime + 1 });
    expect(warned).toMatchObject({ exitstatus: 'WARNINGS: 1', log: ['WARN: careful', 'TASK WARNINGS: 1'] });
    expect(bad).toMatchObject({ exitstatus: 'two lines', log: ['TASK ERROR: two lines'] });
  });

  it('wait for a lock and say so, or give up', () => {
    const { timeline, start } = setup();
    const holder = start(function* () {
      yield lock();
      yield { wait: 5_000 };
    });
    const patient = start(function* () {
      yield lock();
    });
    const hasty = start(function* () {
      yield lock(1_000);
    });
    timeline.advanceTo(timeline.now() + 20_000);
    expect(holder.exitstatus).toBe('OK');
    expect(patient.log).toEqual(['trying to acquire lock...', ' OK', 'TASK OK']);
    expect(hasty.exitstatus).toBe("can't lock file '/lock' - got timeout");
  });

  it('hand the lock on when they are interrupted', () => {
    const { timeline, engine, start } = setup();
    const holder = start(function* () {
      yield lock();
      yield { wait: 60_000 };
    });
    const next = start(function* () {
      yield lock();
    });
    timeline.advanceTo(timeline.now() + 100);
    engine.interrupt(holder.upid, 'received interrupt');
    timeline.advanceTo(timeline.now() + 1);
    expect([holder.exitstatus, next.exitstatus]).toEqual(['received interrupt', 'OK']);
  });

  it('never hold an exclusive lock together, in whatever order they come and go', () => {
    const plan = fc.array(
      fc.record({
        shared: fc.boolean(),
        hold: fc.integer({ min: 1, max: 50 }),
        after: fc.integer({ min: 0, max: 40 }),
        kill: fc.boolean(),
      }),
      { maxLength: 15 },
    );
    fc.assert(
      fc.property(plan, (tasks) => {
        const { timeline, engine, start } = setup();
        const inside: boolean[] = [];
        let ended = 0;
        for (const { shared, hold, after, kill } of tasks) {
          const record = start(function* () {
            yield { lock: 'l', path: '/lock', shared, timeout: 1e9 };
            expect(inside.includes(false) || (!shared && inside.length > 0)).toBe(false);
            inside.push(shared);
            try {
              yield { wait: hold };
            } finally {
              inside.splice(inside.indexOf(shared), 1);
              ended++;
            }
          });
          timeline.advanceTo(timeline.now() + after);
          if (kill) engine.interrupt(record.upid, 'received interrupt');
        }
        timeline.advanceTo(timeline.now() + 1e6);
        expect(engine.running).toEqual([]);
        expect(engine.locks.isHeld('l')).toBe(false);
        expect(ended).toBeLessThanOrEqual(tasks.length);
      }),
    );
  });
});

describe('UPIDs', () => {
  it('come back as they were written', () => {
    const hex = fc.integer({ min: 0, max: 0xffff_ffff });
    const parts = fc.record({
      node: fc.constantFrom('pve1', 'a-b'),
      pid: hex,
      pstart: fc.integer({ min: 0, max: 0xf_ffff_ffff }),
      starttime: hex,
      type: fc.constantFrom('qmstart', 'vzdump'),
      id: fc.constantFrom('', '100', '100-scsi3>140-scsi4'),
      user: fc.constantFrom('root@pam', 'agent@pve!control'),
    });
    fc.assert(
      fc.property(parts, (value) => {
        expect(parseUpid(formatUpid(value))).toEqual(value);
      }),
    );
  });
});
