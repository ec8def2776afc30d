import { describe, expect, it } from 'vitest';
import { ACTIONS, findAction, paramsSchema, parseParams } from '../../src/actions/index.ts';
import { diffObjects, type TraceStep } from '../../src/operations/index.ts';
import { actionFiles } from '../../tools/actions.ts';
import { CHANGING, exampleOf, inCase, POINTS } from './cases.ts';

/** Runs on every action of the catalogue by itself: what an action promises by being one. */
type Schema = {
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  additionalProperties?: Schema;
};

function undescribed(schema: Schema, at: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    ...(field.description === undefined || field.description.length < 10 ? [`${at}${name}`] : []),
    ...undescribed(field, `${at}${name}.`),
  ]);
}

/**
 * Of these PVE leaves no evidence, so they may be sent a second time; they are made so that this does nothing: a marker
 * in the guest, an image that is made from the same settings.
 */
const WITHOUT_EVIDENCE = /\/agent\/exec$|\/cloudinit$/;
const once = (calls: readonly string[]): string[] =>
  calls.filter((call, index) => !(WITHOUT_EVIDENCE.test(call) && calls[index - 1] === call));

const example = (name: string) => exampleOf(findAction(name));

describe('the catalogue', () => {
  it('is exactly the files of the folder, each named as its path', () => {
    expect(ACTIONS.map(({ name }) => name).sort()).toEqual(
      actionFiles()
        .map(({ id }) => id)
        .sort(),
    );
  });

  it('has no name or older name twice', () => {
    const names = ACTIONS.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('keeps its shape for HTTP, CLI and forms', () => {
    const shape = ACTIONS.map((action) => ({
      name: action.name,
      aliases: action.aliases ?? [],
      target: action.target,
      risk: action.risk.base,
      params: paramsSchema(action),
      example: action.docs.example,
    }));
    expect(shape).toMatchSnapshot();
  });
});

describe.each(ACTIONS.map(({ name }) => name))('%s', (name) => {
  const action = findAction(name);

  it('describes itself and every parameter, and its example is valid', () => {
    expect(undescribed(paramsSchema(action) as Schema, '')).toEqual([]);
    expect(action.docs.summary.length).toBeGreaterThan(20);
    expect(() => parseParams(action, action.docs.example.params)).not.toThrow();
  });

  it('names an unknown parameter with the nearest known one', () => {
    const known = Object.keys((paramsSchema(action) as Schema).properties ?? {})[0];
    expect(() => parseParams(action, { [`${known ?? 'x'}z`]: 1 })).toThrowError(
      expect.objectContaining({ code: 'VALIDATION_FAILED' }),
    );
  });

  it('changes nothing when it is planned', () =>
    inCase(async (one) => {
      const life = one.life();
      const plan = await life.plan(example(name));
      await life.close();
      expect(plan['state']).not.toBe('denied');
      expect(one.calls()).toEqual([]);
      expect(one.changes()).toEqual([]);
    }));

  it('does live exactly the steps that it rehearsed, and the lab ends as predicted', () =>
    inCase(async (one) => {
      const { plan, operation } = await one.run(example(name));
      expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
      const trace = plan['trace'] as TraceStep[];
      expect(one.calls()).toEqual(trace.map(({ method, path }) => `${method} ${path}`));
      expect(one.changes()).toEqual(plan['diff']);
    }));
});

describe.each(CHANGING.map(({ name }) => name))('%s', (name) => {
  const request = example(name);
  const undisturbed = inCase(async (one) => {
    const { plan } = await one.run(request);
    return { trace: plan['trace'] as TraceStep[], changes: one.changes(), calls: one.calls() };
  });

  it('has something to do in its example', async () => {
    expect((await undisturbed).trace.length).toBeGreaterThan(0);
  });

  it('changes nothing more when a step that may be sent again is sent again', async () => {
    const { trace } = await undisturbed;
    await inCase(async (one) => {
      await one.run(request);
      const after = one.simulator.objects();
      for (const { method, path, params } of trace.filter(
        (step) => !/agent\/exec|\/reboot$|\/rollback$/.test(step.path),
      )) {
        const plain = Object.fromEntries(
          Object.entries(params).filter(([, value]) => typeof value !== 'object'),
        ) as Record<string, string>;
        one.simulator.handle({ method, path, params: plain, principal: 'agent@pve!control' });
        one.simulator.settle();
      }
      expect(diffObjects(after, one.simulator.objects())).toEqual([]);
    });
  });

  it('ends the same when the process is killed at any point, with no effect done twice', async () => {
    const { trace, changes, calls } = await undisturbed;
    for (const { seq, task } of trace) {
      for (const point of POINTS) {
        await inCase(async (one) => {
          const { reached, operation } = await one.killed(request, seq, point);
          const where = `killed ${point} of step ${seq}: ${JSON.stringify(operation.error)}`;
          expect(reached || task === null, where).toBe(true);
          if (operation.state === 'needs_attention') {
            // Only where nobody could know: sent or not sent cannot be told, and sending again is not harmless.
            expect(['after-intent', 'after-send', 'after-answer'], where).toContain(point);
            expect(one.calls().length, where).toBeLessThanOrEqual(seq);
            return;
          }
          expect(operation.state, where).toBe('applied');
          expect(once(one.calls()), where).toEqual(calls);
          expect(one.changes(), where).toEqual(changes);
        });
      }
    }
  });

  it.each(['cut-before', 'cut-after'] as const)(
    'settles an answer that was lost (%s) without doing anything twice',
    async (kind) => {
      const { trace, changes, calls } = await undisturbed;
      for (const step of trace) {
        await inCase(async (one) => {
          one.inject({ match: { method: step.method, path: step.path, nth: 1 }, kind });
          const { operation } = await one.run(request);
          const where = `${kind} at step ${step.seq}: ${JSON.stringify(operation.error)}`;
          if (operation.state === 'needs_attention')
            return expect(one.calls().length, where).toBeLessThanOrEqual(step.seq);
          expect(operation.state, where).toBe('applied');
          expect(once(one.calls()), where).toEqual(calls);
          return expect(one.changes(), where).toEqual(changes);
        });
      }
    },
  );

  it.each(['status', 'task-fail'] as const)(
    'restores the lab or says what is left when a step fails (%s)',
    async (kind) => {
      const { trace } = await undisturbed;
      for (const step of trace.filter(({ task }) => kind === 'status' || task !== null)) {
        await inCase(async (one) => {
          one.inject({
            match: { method: step.method, path: step.path, nth: 1 },
            kind,
            ...(kind === 'status'
              ? { status: 500, message: 'simulated refusal' }
              : { exitstatus: 'simulated failure' }),
          });
          const { operation } = await one.run(request);
          const where = `step ${step.seq} failed: ${JSON.stringify(operation)}`;
          expect(operation.state, where).toBe('failed');
          const told = (operation.compensation ?? []).filter(({ state }) => state === 'left' || state === 'failed');
          if (told.length === 0) expect(one.changes(), where).toEqual([]);
          else for (const { why } of told) expect(why.length).toBeGreaterThan(10);
        });
      }
    },
  );

  it('takes everything back once, even when the process is killed while it does', async () => {
    const { trace } = await undisturbed;
    const last = trace.at(-1);
    // Only where an earlier step has something to be taken back.
    for (const step of trace.filter(({ seq, undo }) => undo.kind === 'call' && seq !== last?.seq)) {
      for (const point of POINTS) {
        await inCase(async (one) => {
          const match = { method: last?.method ?? '', path: last?.path ?? '', nth: 1 };
          one.inject({ match, kind: 'status', status: 500, message: 'simulated refusal' });
          const { operation } = await one.killed(request, step.seq, point, true);
          const where = `killed ${point} while undoing step ${step.seq}: ${JSON.stringify(operation)}`;
          expect(operation.state, where).toBe('failed');
          expect(one.changes(), where).toEqual([]);
          const { undo } = step;
          if (undo.kind !== 'call') return;
          const same = (call: string): boolean => call === `${undo.method} ${undo.path}`;
          const forward = trace.filter(({ method, path }) => same(`${method} ${path}`)).length;
          expect(one.calls().filter(same), where).toHaveLength(forward + 1);
        });
      }
    }
  });
});
