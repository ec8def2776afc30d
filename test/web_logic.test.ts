import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSseParser } from '../web/src/api/sse.ts';
import type { JsonSchema } from '../web/src/api/types.ts';
import { filterGuests } from '../web/src/pages/lab/guest_filter.ts';
import { stepsOf, wholeOf } from '../web/src/pages/operation/steps.ts';
import { collect, paramsOf, placeErrors, toText } from '../web/src/pages/propose/schema.ts';
import { weeksOf } from '../web/src/pages/calendar/weeks.ts';
import { chosen, isOver, mayNotAdminister, mayNotGrant, patterns } from '../web/src/pages/people/may.ts';
import { bytes, duration, moment, relative } from '../web/src/parts/format.ts';
import { problemWords } from '../web/src/parts/problem_words.ts';
import { Problem } from '../web/src/api/client.ts';
import { ACTIONS, paramsSchema } from '../src/actions/index.ts';
import { administers, highest, ROLES } from '../src/identity/grants.ts';

describe('what a problem note says', () => {
  const refused = new Problem(400, {
    title: 'The request is not valid',
    detail: 'The request is not valid.',
    errors: { title: 'must not be empty', risk: 'is missing' },
  });

  it('is said once, with what is wrong of the fields that stand nowhere else', () => {
    expect(problemWords(refused, undefined, ['title'])).toEqual({
      head: 'The request is not valid',
      detail: undefined,
      fields: ['risk: is missing'],
    });
    expect(problemWords(refused, undefined, []).fields).toEqual(['title: must not be empty', 'risk: is missing']);
  });

  it('has both where the detail says more', () => {
    const gone = new Problem(0, { title: 'The server does not answer', detail: 'The page tries again by itself.' });
    expect(problemWords(gone, undefined, [])).toMatchObject({ detail: 'The page tries again by itself.' });
    expect(problemWords(gone, 'the plans could not be read', []).head).toBe('the plans could not be read');
    expect(problemWords(new Error('no'), undefined, [])).toEqual({
      head: 'That did not work',
      detail: 'no',
      fields: [],
    });
  });
});

describe('the calendar', () => {
  const entry = (from: string) => ({ kind: 'window' as const, environment: 'lab', name: 'w', from, to: from });

  it('puts entries into the weeks of the lab’s clock, what began before into the first', () => {
    const from = Date.parse('2026-11-20T12:00:00Z');
    const entries = [
      '2026-10-01T00:00:00Z',
      '2026-11-22T22:59:00Z',
      '2026-11-22T23:00:00Z',
      '2027-01-01T00:00:00Z',
    ].map(entry);
    const weeks = weeksOf(entries, from, 'Europe/Berlin');
    expect(weeks.map(({ monday, entries: of }) => [monday, of.length])).toEqual([
      ['2026-11-16', 2],
      ['2026-11-23', 1],
      ['2026-12-28', 1],
    ]);
  });

  it('tells times on that clock', () => {
    expect(moment('2026-11-21T01:00:00Z', 'Europe/Berlin')).toBe('Sat 21 Nov 02:00');
    expect(moment('nonsense')).toBe('');
  });
});

describe('the event stream', () => {
  const line = fc.string().map((text) => text.replaceAll(/[\r\n\0]/g, ''));
  const message = fc.record({
    id: fc.nat().map(String),
    event: fc.constantFrom('operation.running', 'plan.created'),
    data: fc.array(line, { minLength: 1 }),
  });

  it('is the same however the pieces are cut and whatever ends a line', () => {
    fc.assert(
      fc.property(
        fc.array(message),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        (messages, end, sizes) => {
          const lines = messages.flatMap(({ id, event, data }) => [
            ': still here',
            `id: ${id}`,
            `event: ${event}`,
            ...data.map((text) => `data: ${text}`),
            '',
          ]);
          // A CR at the very end waits for its LF; the comment behind it is the next thing a server sends.
          const stream = `${lines.map((text) => text + end).join('')}: end`;
          const parse = createSseParser();
          const got = [];
          for (let at = 0; at < stream.length;) {
            const size = sizes.next().value as number;
            got.push(...parse(stream.slice(at, at + size)));
            at += size;
          }
          expect(got).toEqual(messages.map(({ id, event, data }) => ({ id, event, data: data.join('\n') })));
        },
      ),
    );
  });

  it('gives nothing for heartbeats and half a message', () => {
    const parse = createSseParser();
    expect(parse(': connected\n\ndata: {"a"')).toEqual([]);
    expect(parse(':1}\n\n')).toEqual([{ id: undefined, event: 'message', data: '{"a":1}' }]);
  });
});

describe('the form for an action', () => {
  it.each(ACTIONS.map((action) => [action.name, action] as const))('sends the example of %s as it is', (_, action) => {
    const params = paramsOf(paramsSchema(action));
    const example = action.docs.example.params as Record<string, unknown>;
    const values = Object.fromEntries(params.map((param) => [param.name, toText(param, example[param.name])]));
    expect(collect(params, values)).toEqual({ params: example, errors: {} });
  });

  const schema: JsonSchema = {
    type: 'object',
    required: ['name'],
    properties: {
      cores: { type: 'integer', minimum: 1 },
      name: { type: 'string' },
      password: { type: 'string', writeOnly: true },
      tags: { type: 'array', items: { type: 'string' } },
      keys: { type: 'array', items: { type: 'string' } },
      kind: { anyOf: [{ const: 'a' }, { const: 'b' }] },
      nets: { type: 'object' },
      target: { type: 'string' },
    },
  };
  const params = paramsOf(schema);

  it('asks for required parameters first and hides secrets', () => {
    expect(params.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'name text',
      'cores number',
      'password secret',
      'tags list',
      'keys list',
      'kind choice',
      'nets json',
      'target text',
    ]);
  });

  it('leaves out what is empty, parts tags at commas and keeps a key with a comma whole', () => {
    const key = 'ssh-ed25519 AAAA ann, at home';
    expect(collect(params, { name: ' web ', cores: '', tags: 'web, prod', keys: key, nets: '{"0":"dhcp"}' })).toEqual({
      params: { name: 'web', tags: ['web', 'prod'], keys: [key], nets: { '0': 'dhcp' } },
      errors: {},
    });
  });

  it('names the field that cannot be sent', () => {
    const { errors } = collect(params, { name: 'x', cores: 'four', nets: '{' });
    expect(Object.keys(errors).toSorted()).toEqual(['params.cores', 'params.nets']);
  });

  it('puts the errors of the server under their fields', () => {
    const fields = ['target', ...params.map(({ name }) => `params.${name}`)];
    const errors = {
      target: 'no such guest',
      'params.target': 'no such node',
      'params.nets.0': 'no address',
      name: 'too long',
      change_id: 'unknown',
    };
    expect(placeErrors(errors, fields)).toEqual({
      placed: {
        target: 'no such guest',
        'params.target': 'no such node',
        'params.nets': '0: no address',
        'params.name': 'too long',
      },
      leftover: ['change_id: unknown'],
    });
  });
});

describe('steps of an operation', () => {
  const trace = [1, 2, 3].map((seq) => ({ seq, title: `step ${seq}`, method: 'POST', path: '/x' }));
  const plan = { trace } as unknown as Parameters<typeof stepsOf>[1];
  const at = (state: string, effects: object[]) =>
    stepsOf({ operation_id: 'o', plan_id: 'p', state, effects } as Parameters<typeof stepsOf>[0], plan);

  it('lists what is still to do, and counts the part of the running one', () => {
    const steps = at('running', [
      { seq: 1, title: 'step 1', state: 'done' },
      { seq: 2, title: 'step 2', state: 'running', progress: { fraction: 0.5 } },
    ]);
    expect(steps.map(({ state }) => state)).toEqual(['done', 'running', 'to do']);
    expect(wholeOf(steps)).toBeCloseTo(0.5);
  });

  it('says that a call without an answer is in doubt only when a person has to look', () => {
    const sent = [{ seq: 1, title: 'step 1', state: 'sent' }];
    expect(at('running', sent)[0]?.state).toBe('sending');
    expect(at('needs_attention', sent)[0]?.state).toBe('in doubt');
  });
});

describe('words and figures', () => {
  it.each([
    [0, '0 s'],
    [0.4, 'under 1 s'],
    [59.6, '1 min'],
    [3_903, '1 h 5 min'],
    [3_603, '1 h'],
    [90_000, '1 d 1 h'],
  ])('%d seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [4 * 2 ** 30, '4 GiB'],
    [2 ** 50, '1 PiB'],
  ])('%d bytes are %s', (count, text) => expect(bytes(count)).toBe(text));

  it('tells times from now, both ways', () => {
    expect([relative(0, 3_000), relative(0, 200_000), relative(7_200_000, 0)]).toEqual(['now', '3 min ago', 'in 2 h']);
  });

  it('finds guests by every word, in any of their names', () => {
    const guest = (vmid: number, name: string, tags: string, template = 0) =>
      ({ id: `qemu/${vmid}`, type: 'qemu', vmid, name, tags, node: 'pve1', status: 'running', template }) as const;
    const guests = [guest(102, 'web2', 'prod;web'), guest(101, 'web1', 'test'), guest(9000, 'debian', '', 1)];
    const found = (search: string, state = '') =>
      filterGuests(guests, { search, state, node: '' }).map(({ vmid }) => vmid);
    expect(found('')).toEqual([101, 102, 9000]);
    expect(found('WEB prod')).toEqual([102]);
    expect(found('vm/101')).toEqual([101]);
    expect(found('', 'template')).toEqual([9000]);
  });
});

describe('rights to give', () => {
  const grants = fc.dictionary(fc.constantFrom('*', 'lab', 'other', 'far'), fc.constantFrom(...ROLES));

  it('are those that the server lets an admin give, in each environment by itself', () => {
    fc.assert(
      fc.property(
        grants,
        fc.constantFrom('*', 'lab', 'other', 'new'),
        fc.constantFrom(...ROLES),
        (own, environment, role) => {
          const me = { id: 'a', name: 'a', role: highest(own) ?? 'viewer', class: 'human', grants: own } as const;
          expect(mayNotGrant(me, environment) === undefined).toBe(administers(own, { [environment]: role }));
        },
      ),
    );
  });

  it('are of people who are admins', () => {
    const me = { id: 'a', name: 'a', role: 'admin', class: 'human' } as const;
    expect(mayNotAdminister(me)).toBeUndefined();
    expect(mayNotAdminister({ ...me, class: 'service' })).toContain('class service');
    expect(mayNotAdminister({ ...me, role: 'operator' })).toContain('operator');
    expect(mayNotAdminister({ ...me, actions: ['vm.*'] })).toContain('vm.*');
  });

  it('leave out what nothing was chosen for, and read patterns however they are divided', () => {
    expect(chosen({ '*': 'viewer', lab: '' })).toEqual({ '*': 'viewer' });
    expect(patterns(' vm.*,snapshot.create\n node.read ,')).toEqual(['vm.*', 'snapshot.create', 'node.read']);
  });

  it('end with a token that is revoked or expired, at that very time', () => {
    const token = { expires_at: '2026-01-01T00:00:00Z', revoked_at: null } as Parameters<typeof isOver>[0];
    const at = Date.parse('2026-01-01T00:00:00Z');
    expect([isOver(token, at - 1), isOver(token, at)]).toEqual([false, true]);
    expect(isOver({ ...token, expires_at: null }, at)).toBe(false);
    expect(isOver({ ...token, expires_at: null, revoked_at: at }, at)).toBe(true);
  });
});
