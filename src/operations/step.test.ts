import { describe, expect, it } from 'vitest';
import type { Effect } from '../actions/define.ts';
import { Secret } from '../kernel/secret.ts';
import { assertRecorded, StepForms, traceHash } from './step.ts';
import type { TraceStep } from './types.ts';

const forms = new StepForms(new Uint8Array(32).fill(7));
const effect = (change: Partial<Effect> = {}): Effect => ({
  title: 'Do it',
  method: 'PUT',
  path: '/nodes/pve1/qemu/101/config',
  params: { cores: 2 },
  settled: () => Promise.resolve(false),
  resend: 'safe',
  undo: { kind: 'none', why: 'nothing' },
  ...change,
});
const recorded = (change: Partial<Effect> = {}): TraceStep => ({
  seq: 1,
  request: 'a1',
  index: 0,
  title: 'Do it',
  runtime: [],
  ...forms.of(effect(change)),
});
const admit = (step: TraceStep | undefined, change: Partial<Effect> = {}) =>
  assertRecorded(step, forms.of(effect(change)), 'Do it');

describe('the form of a step', () => {
  it('leaves out what is not given, and says so where there is no task', () => {
    expect(forms.of(effect({ params: { cores: 2, name: undefined } }))).toEqual({
      method: 'PUT',
      path: '/nodes/pve1/qemu/101/config',
      params: { cores: 2 },
      task: null,
      undo: { kind: 'none', why: 'nothing' },
    });
  });

  it('has of a secret only a fingerprint, which another key changes', () => {
    const form = forms.of(effect({ params: { cipassword: new Secret('hunter2') } }));
    expect(form.params).toEqual({ cipassword: { $secret: expect.stringMatching(/^[0-9a-f]{32}$/) } });
    const other = new StepForms(new Uint8Array(32)).of(effect({ params: { cipassword: new Secret('hunter2') } }));
    expect(other).not.toEqual(form);
    expect(JSON.stringify(form)).not.toContain('hunter2');
  });

  it('has of a value that is known only later its origin', () => {
    const given = (digest: string) => forms.of(effect({ params: { digest }, runtime: { digest: 'just before' } }));
    expect(given('aaa')).toEqual(given('bbb'));
    expect(given('aaa').params).toEqual({ digest: { $runtime: 'just before' } });
  });

  it('has the undo with its parameters, secrets hidden', () => {
    const undo: Effect['undo'] = {
      kind: 'effect',
      effect: {
        title: 'Back',
        method: 'DELETE',
        path: '/x',
        params: { key: new Secret('hunter2') },
        settled: () => Promise.resolve(true),
        resend: 'safe',
      },
    };
    const form = forms.of(effect({ undo }));
    expect(form.undo).toMatchObject({ kind: 'call', title: 'Back', method: 'DELETE', path: '/x' });
    expect(JSON.stringify(form)).not.toContain('hunter2');
  });
});

describe('what was approved', () => {
  it('runs', () => {
    const step = recorded();
    expect(admit(step)).toBe(step);
    expect(admit(recorded({ params: { a: 1, b: 2 } }), { params: { b: 2, a: 1 } })).toBeDefined();
  });

  it('may carry another title', () => {
    expect(admit({ ...recorded(), title: 'an older name' })).toBeDefined();
  });

  it.each<[string, Partial<Effect>]>([
    ['method', { method: 'POST' }],
    ['path', { path: '/nodes/pve1/qemu/102/config' }],
    ['value', { params: { cores: 3 } }],
    ['type of a value', { params: { cores: '2' } }],
    ['further parameter', { params: { cores: 2, memory: 1 } }],
    ['missing parameter', { params: {} }],
    ['task', { task: 'qmstart' }],
    ['undo', { undo: { kind: 'irreversible', why: 'nothing' } }],
    ['secret', { params: { cores: new Secret('2') } }],
  ])('does not run with another %s', (_what, change) => {
    expect(() => admit(recorded(), change)).toThrow(expect.objectContaining({ code: 'PLAN_DIVERGED' }));
  });

  it('has no further step than were approved, and the error says both sides', () => {
    expect(() => admit(undefined)).toThrow(
      '"Do it" was stopped before it was sent: the approved plan has no further step here, the lab now leads to PUT /nodes/pve1/qemu/101/config {"cores":2}.',
    );
  });

  it('has another hash when any step is another', () => {
    const hashes = [[], [recorded()], [recorded(), recorded()], [recorded({ params: { cores: 3 } })]].map(traceHash);
    expect(new Set(hashes).size).toBe(4);
  });
});
