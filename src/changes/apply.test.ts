import { describe, expect, it } from 'vitest';
import { inCase } from '../../test/contract/cases.ts';

const ON_303 = { environment: 'home', target: 'vm/303' };
const SNAPSHOT = { ...ON_303, id: 'keep', action: 'snapshot.create', params: { name: 'kept' } };
const CLONE = { ...ON_303, id: 'copy', action: 'vm.clone', params: { name: 'copy' } };

const held = (...actions: object[]): Promise<unknown> =>
  inCase(async (one) => {
    const life = one.life();
    try {
      const operation = await life.run({ actions });
      expect(operation, JSON.stringify(operation['error'])).toMatchObject({ state: 'applied' });
      return operation['targets'];
    } finally {
      await life.close();
    }
  });

describe('an operation holds for itself', () => {
  it.each([
    ['the guest that it changes', [SNAPSHOT], ['vm/303']],
    ['the guest that it makes, not the one that it copies', [CLONE], ['vm/100']],
    ['a guest that it copies and changes as well', [SNAPSHOT, { ...CLONE, after: ['keep'] }], ['vm/100', 'vm/303']],
    ['nothing where it only reads', [{ ...ON_303, id: 'look', action: 'vm.read' }], []],
    ['nothing where there is nothing to do', [{ ...ON_303, id: 'go', action: 'vm.start' }], []],
  ])('%s', async (_what, actions, targets) => {
    expect(await held(...actions)).toEqual(targets);
  });
});
