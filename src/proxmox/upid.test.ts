import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatUpid, isUpid, parseUpid } from './upid.ts';

const word = (pattern: RegExp) => fc.stringMatching(pattern);
const upids = fc.record({
  node: word(/^[a-z\d]([a-z\d-]{0,10}[a-z\d])?$/),
  pid: fc.nat({ max: 0xffffffff }),
  pstart: fc.nat({ max: 0xfffffffff }),
  starttime: fc.nat({ max: 0xffffffff }),
  type: word(/^[a-z\d-]{1,12}$/),
  id: word(/^[\w@>.-]{0,20}$/),
  user: word(/^[a-z]{1,8}@[a-z]{1,5}(![a-z]{1,6})?$/),
});

test('parts and text turn into each other', () => {
  fc.assert(
    fc.property(upids, (upid) => {
      const text = formatUpid(upid);
      expect(isUpid(text)).toBe(true);
      expect(parseUpid(text)).toEqual(upid);
      expect(formatUpid(parseUpid(text))).toBe(text);
    }),
  );
});

test('what PVE has written is read', () => {
  expect(parseUpid('UPID:pve-2:0000205D:1000BAC2A:6B0009F0:qmmove:200-scsi3>202-scsi4:agent@pve!control:')).toEqual({
    node: 'pve-2',
    pid: 0x205d,
    pstart: 0x1000bac2a,
    starttime: 0x6b0009f0,
    type: 'qmmove',
    id: '200-scsi3>202-scsi4',
    user: 'agent@pve!control',
  });
  expect(parseUpid('UPID:pve1:00000001:00000002:6B000000:vzdump::root@pam:')).toMatchObject({ id: '', type: 'vzdump' });
  expect(parseUpid('UPID:pve1:00000001:00000002:6B000000:qmstart:201@local:root@pam:')).toMatchObject({
    id: '201@local',
  });
});

test('nonsense is refused with our error, never read as something else', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), upids.map(formatUpid).chain(damaged)), (text) => {
      if (isUpid(text)) expect(formatUpid(parseUpid(text)).toUpperCase()).toBe(text.toUpperCase());
      else expect(() => parseUpid(text)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
    }),
  );
  const good = 'UPID:pve1:00000001:00000002:6B000000:qmstart:100:root@pam:';
  for (const text of [
    '',
    'UPID:foo',
    good.slice(0, -1),
    `${good}\n`,
    ` ${good}`,
    `${good}${good}`,
    good.replace('00000001', '0000001'),
    good.replace('pve1', '../x'),
  ]) {
    expect(isUpid(text), text).toBe(false);
  }
  for (const value of [null, undefined, 1, {}, [good]]) expect(isUpid(value)).toBe(false);
});

test('parts that would make another text are refused', () => {
  const upid = parseUpid('UPID:pve1:00000001:00000002:6B000000:qmstart:100:root@pam:');
  for (const part of [
    { node: 'a:b' },
    { pid: 2 ** 32 },
    { pid: -1 },
    { pid: 1.5 },
    { type: '' },
    { id: 'a:b' },
    { user: '' },
  ]) {
    expect(() => formatUpid({ ...upid, ...part }), JSON.stringify(part)).toThrow(
      expect.objectContaining({ code: 'VALIDATION_FAILED' }),
    );
  }
});

/** A text with one character taken out, put in or changed. */
function damaged(text: string) {
  return fc
    .tuple(fc.nat({ max: text.length }), fc.constantFrom(0, 1), fc.constantFrom('', ':', 'G', '\n', ' ', 'é'))
    .map(([at, drop, put]) => text.slice(0, at) + put + text.slice(at + drop));
}
