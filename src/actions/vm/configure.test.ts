import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';

const configure = (target: string, params: object) => planned('vm.configure', target, params);
const DIGEST = { $runtime: 'the digest of vm/301 just before this step' };

describe('vm.configure', () => {
  it('sends only what differs, guarded by the digest, and puts the old values back on failure', async () => {
    const { titles, trace } = await configure('vm/301', { cores: 2, memory: 4096, tags: ['web', 'tier-2'] });
    expect(titles).toEqual(['Set memory, tags of vm/301 (staging-web)']);
    expect(trace[0]?.params).toEqual({ memory: 4096, tags: 'web;tier-2', digest: DIGEST });
    expect(trace[0]?.undo).toMatchObject({ kind: 'call', params: { memory: '2048', tags: 'staging' } });
  });

  it.each([
    ['the same number', 'vm/301', { cores: 2 }],
    ['the same tags in another order and case', 'vm/101', { tags: ['Tier-1', 'dns'] }],
    ['the absence of what is absent', 'vm/301', { unset: ['startup'] }],
    ['an empty list', 'vm/301', { unset: [] }],
  ])('has nothing to do for %s', async (_what, target, params) => {
    expect(await configure(target, params)).toMatchObject({ titles: [], result: { changed: [] } });
  });

  it('takes settings away by name, and puts them back on failure', async () => {
    const { trace } = await configure('vm/303', { unset: ['description', 'onboot'] });
    expect(trace[0]?.params).toMatchObject({ delete: 'description,onboot' });
    expect(trace[0]?.undo).toMatchObject({ params: { description: 'Old appliance, no guest agent', onboot: 1 } });
  });

  it('undoes a setting that was not there by taking it away', async () => {
    const { trace } = await configure('vm/301', { description: 'new' });
    expect(trace[0]?.undo).toMatchObject({ params: { delete: 'description' } });
  });

  it('refuses to set and to take away the same', async () => {
    expect(await refused('vm.configure', 'vm/303', { description: 'new', unset: ['description'] })).toContain(
      '"params.unset":"names a setting that is also given a value"',
    );
  });

  it('writes switches as numbers', async () => {
    const { params } = await configure('vm/301', { onboot: true, agent: false, protection: true });
    expect(params[0]).toMatchObject({ onboot: 1, agent: 0, protection: 1 });
  });

  it('warns that a running guest takes some of it at its next start', async () => {
    expect((await configure('vm/121', { cores: 4 })).warnings).toEqual([
      'what cannot change while the guest runs takes effect at its next start',
    ]);
    expect((await configure('vm/301', { cores: 4 })).warnings).toEqual([]);
  });

  it('is of high risk where it takes the protection away', async () => {
    const { risk, raises } = await configure('vm/103', { protection: false });
    expect(risk).toBe('high');
    expect(raises).toContain('vm/103 has its protection flag set');
  });

  it.each([
    [{}, 'name at least one setting'],
    [{ cores: 0 }, '"params.cores"'],
    [{ memory: 8 }, '"params.memory"'],
    [{ tags: ['a b'] }, '"params.tags.0"'],
    [{ startup: 'soon' }, '"params.startup":"must be such as order=2,up=30"'],
    [{ unset: ['cores'] }, '"params.unset.0"'],
    [{ corse: 1 }, 'did you mean cores?'],
  ])('refuses %j', async (params, words) => {
    expect(await refused('vm.configure', 'vm/301', params)).toContain(words);
  });

  it('does not overwrite what somebody changed after the plan was made', () =>
    applied(
      'vm.configure',
      'vm/301',
      { cores: 4 },
      (one, { state }) => {
        expect(state).toBe('applied');
        expect(one.simulator.objects().get('vm/301')?.['config']).toMatchObject({ cores: 4, description: 'theirs' });
      },
      (one) => byHand(one, 'PUT', '/nodes/pve4/qemu/301/config', { description: 'theirs' }),
    ));
});
