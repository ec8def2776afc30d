import { describe, expect, it } from 'vitest';
import { hashJson } from '../kernel/canonical.ts';
import { isAgentError } from '../kernel/errors.ts';
import { readRequest } from './requests.ts';

const START = { environment: 'home', action: 'vm.start', target: 'vm/301' };
const several = (...actions: object[]) => readRequest({ actions: actions.map((one) => ({ ...START, ...one })) });
function errors(work: () => unknown): Record<string, string> {
  try {
    work();
  } catch (error) {
    if (isAgentError(error, 'VALIDATION_FAILED')) return { ...error.details.errors };
    throw error;
  }
  return {};
}

describe('the hash of a request', () => {
  it('covers what is asked for, and nothing that is said about it', () => {
    const { request_hash } = readRequest(START);
    expect(request_hash).toBe(
      hashJson({ action: 'vm.start', dry_run: false, environment: 'home', params: {}, target: 'vm/301' }),
    );
    expect(readRequest({ ...START, reason: 'why not', change_id: 'CC-1' }).request_hash).toBe(request_hash);
    for (const other of [{ target: 'vm/302' }, { environment: 'work' }, { dry_run: true }, { action: 'vm.stop' }])
      expect(readRequest({ ...START, ...other }).request_hash).not.toBe(request_hash);
  });

  it('is the same in whatever order the members come', () => {
    const body = { ...START, action: 'vm.configure', params: { cores: 2, memory: 512 } };
    const turned = { params: { memory: 512, cores: 2 }, target: 'vm/301', action: 'vm.configure', environment: 'home' };
    expect(readRequest(turned).request_hash).toBe(readRequest(body).request_hash);
  });

  it('of several covers each with its order', () => {
    const plain = several({ id: 'a' }, { id: 'b', target: 'vm/302' }).request_hash;
    const ordered = several({ id: 'a' }, { id: 'b', target: 'vm/302', after: ['a'] }).request_hash;
    expect(plain).not.toBe(ordered);
  });
});

describe('a request', () => {
  it('keeps its secrets apart from what is shown', () => {
    const params = { user: 'admin', password: 'hunter2hunter2' };
    const { items } = readRequest({ ...START, action: 'vm.cloudinit.configure', params });
    expect(items[0]?.shown).toEqual({ user: 'admin', password: '[redacted]' });
    expect(JSON.stringify(items[0]?.params)).not.toContain('hunter2');
    const nested = { name: 'web1', cloudinit: params };
    const made = readRequest({ ...START, action: 'vm.create_from_template', target: 'vm/9000', params: nested });
    expect(made.items[0]?.shown).toEqual({ name: 'web1', cloudinit: { user: 'admin', password: '[redacted]' } });
  });

  it('of several comes in an order that can be carried out', () => {
    const { items } = several({ id: 'web', after: ['db'] }, { id: 'db' });
    expect(items.map(({ id }) => id)).toEqual(['db', 'web']);
  });

  it.each([
    [{}, ['environment', 'action', 'target']],
    [{ ...START, environment: '' }, ['environment']],
    [{ ...START, prams: {} }, ['prams']],
    [{ ...START, params: [] }, ['params']],
    [{ ...START, target: '@all' }, ['target']],
    [{ ...START, target: 'vm/*' }, ['target']],
    [{ ...START, target: 'vm/101/../102' }, ['target']],
    [{ ...START, target: 'node/pve1' }, ['target']],
    [{ ...START, change_id: 'x'.repeat(65) }, ['change_id']],
    [{ actions: [] }, ['actions']],
    [{ actions: [{ ...START, id: 'a b' }] }, ['actions.0.id']],
    [
      {
        actions: [
          { ...START, id: 'a' },
          { ...START, id: 'a' },
        ],
      },
      ['actions.1.id'],
    ],
    [
      {
        actions: [
          { ...START, id: 'a' },
          { ...START, id: 'b', environment: 'work' },
        ],
      },
      ['actions.1.environment'],
    ],
    [{ actions: [{ ...START, id: 'a', after: ['b'] }] }, ['actions.a.after']],
  ])('%j is refused by the names of its fields', (body, fields) => {
    expect(Object.keys(errors(() => readRequest(body)))).toEqual(fields);
  });

  it.each([null, undefined, 7, 'x', []])('that is %j is refused', (body) => {
    expect(() => readRequest(body)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });
});

describe('what no schema looks for', () => {
  it('is refused by its field: text that cannot be hashed or sent, and endless nesting', () => {
    const configure = (params: unknown) => errors(() => readRequest({ ...START, action: 'vm.configure', params }));
    expect(configure({ description: 'a\ud800' })).toEqual({ 'params.description': expect.stringMatching(/surrogate/) });
    expect(errors(() => readRequest({ ...START, reason: '\udc00' }))).toHaveProperty('reason');
    expect(errors(() => several({ id: 'a', params: { '\ud800': 1 } }))).toHaveProperty(['actions.0.params']);
    expect(configure({ description: 'Größe 💾' })).toEqual({});
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`) as unknown;
    expect(configure(deep)).toEqual({ params: expect.stringMatching(/nested/) });
  });
});
