import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffObjects } from './diff.ts';

type Thing = Record<string, unknown>;
const objects = (things: Record<string, Thing>) => new Map(Object.entries(things));
const diff = (before: Record<string, Thing>, after: Record<string, Thing>) =>
  diffObjects(objects(before), objects(after));
const fields = (before: Thing, after: Thing) => diff({ 'vm/1': before }, { 'vm/1': after })[0]?.fields ?? [];

describe('a diff', () => {
  it('names what came, went and changed, sorted by name', () => {
    expect(
      diff(
        { 'vm/2': { a: 1 }, 'vm/1': { a: 1 }, 'vm/9': { a: 1 } },
        { 'vm/9': { a: 1 }, 'vm/2': { a: 2 }, 'vm/3': { b: 1 } },
      ),
    ).toEqual([
      { object: 'vm/1', kind: 'delete', fields: [{ name: 'a', before: 1, after: null, effect: 'live' }] },
      { object: 'vm/2', kind: 'update', fields: [{ name: 'a', before: 1, after: 2, effect: 'live' }] },
      { object: 'vm/3', kind: 'create', fields: [{ name: 'b', before: null, after: 1, effect: 'live' }] },
    ]);
  });

  it('goes into members and takes a list as one value', () => {
    expect(fields({ config: { cores: 1, tags: ['a'] } }, { config: { cores: 2, tags: ['a', 'b'] } })).toEqual([
      { name: 'config.cores', before: 1, after: 2, effect: 'live' },
      { name: 'config.tags', before: ['a'], after: ['a', 'b'], effect: 'live' },
    ]);
  });

  it.each([
    'ciuser',
    'cipassword',
    'ciupgrade',
    'cicustom',
    'sshkeys',
    'ipconfig0',
    'ipconfig12',
    'nameserver',
    'searchdomain',
  ])('says of %s that the cloud-init image has to be made anew', (name) => {
    expect(fields({ config: {} }, { config: { [name]: 'x' } })[0]?.effect).toBe('regenerate cloud-init');
  });

  it('says of a pending change that it waits for a reboot, and of others that they hold at once', () => {
    expect(
      fields({ config: { cores: 1, name: 'a' } }, { config: { cores: 2, name: 'b' }, pending: ['cores'] }).map(
        ({ name, effect }) => [name, effect],
      ),
    ).toEqual([
      ['config.cores', 'reboot'],
      ['config.name', 'live'],
    ]);
  });

  it('leaves out what Proxmox VE makes by itself at every change', () => {
    const noise = {
      digest: 'x',
      config: { digest: 'x', vmgenid: 'x', smbios1: 'uuid=1', meta: 'x' },
      uptime: 1,
      name: 'a',
    };
    expect(diff({ 'vm/1': {} }, { 'vm/1': noise })).toEqual([]);
  });

  it('shows no address that only the twin made, and keeps one that was there', () => {
    const card = (mac: string) => ({ config: { net0: `virtio=${mac},bridge=vmbr0` } });
    expect(fields({ config: {} }, card('BC:24:11:00:AA:FF'))[0]?.after).toBe('virtio=(generated),bridge=vmbr0');
    expect(fields({ config: {} }, card('52:54:00:00:AA:FF'))[0]?.after).toBe('virtio=52:54:00:00:AA:FF,bridge=vmbr0');
    expect(fields(card('BC:24:11:00:AA:FF'), card('BC:24:11:00:AA:01'))[0]?.after).toBe(
      'virtio=BC:24:11:00:AA:01,bridge=vmbr0',
    );
  });

  const state = fc.dictionary(
    fc.stringMatching(/^vm\/[1-5]$/),
    fc.dictionary(fc.stringMatching(/^[a-e]$/), fc.jsonValue()),
  );

  it('of a state with itself is empty', () => {
    fc.assert(
      fc.property(state, (one) => {
        expect(diff(one, structuredClone(one))).toEqual([]);
      }),
    );
  });

  it('turned round names the same objects and fields with before and after exchanged', () => {
    fc.assert(
      fc.property(state, state, (a, b) => {
        const there = diff(a, b);
        const back = diff(b, a);
        expect(back.map(({ object }) => object)).toEqual(there.map(({ object }) => object));
        for (const [index, { fields: forward }] of there.entries())
          expect(
            back[index]?.fields.map(({ name, before, after }) => ({ name, before: after, after: before })),
          ).toEqual(forward.map(({ name, before, after }) => ({ name, before, after })));
      }),
    );
  });
});
