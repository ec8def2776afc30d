import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { path } from './path.ts';

test('values become segments', () => {
  expect(path`/nodes/${'pve1'}/qemu/${100}/config`).toBe('/nodes/pve1/qemu/100/config');
  expect(path`/nodes/${'pve1'}/storage/${'local'}/content/${'local:iso/a b.iso'}`).toBe(
    '/nodes/pve1/storage/local/content/local%3Aiso%2Fa%20b.iso',
  );
  expect(path`/version`).toBe('/version');
});

test('no value leaves its segment, and each can be read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer(), (name, vmid) => {
      fc.pre(!['', '.', '..'].includes(name));
      const segments = path`/a/${name}/b/${vmid}`.split('/');
      expect(segments.map(decodeURIComponent)).toEqual(['', 'a', name, 'b', String(vmid)]);
      expect(segments.join('/')).toMatch(/^\/[^?#\s]*$/);
    }),
  );
});

test('what no encoding makes safe is refused', () => {
  for (const value of ['', '.', '..', '\ud800']) {
    expect(() => path`/nodes/${value}/qemu`).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  }
});
