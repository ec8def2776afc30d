import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { list, record, text } from './lenient.ts';
import { progressFraction } from './progress.ts';
import { pveWords, toError } from './rejection.ts';
import type { HttpMethod } from './types.ts';
import { formatUpid, parseUpid } from './upid.ts';

const root = process.env['PVE_SHARED'] ?? join(import.meta.dirname, '../../../shared');
const golden = join(root, 'pve/golden');

/** Every step that was recorded on a real cluster. */
const steps = readdirSync(golden, { withFileTypes: true, recursive: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.json') && !entry.parentPath.endsWith('captures'))
  .flatMap((entry) =>
    list(record(JSON.parse(readFileSync(join(entry.parentPath, entry.name), 'utf8')) as unknown)['steps']),
  )
  .map(record);

test('every recorded task name is read and written as it was', () => {
  const upids = steps.flatMap((step) => text(record(step['task'])['upid']) ?? []);
  expect(upids.length).toBeGreaterThan(50);
  for (const upid of upids) expect(formatUpid(parseUpid(upid))).toBe(upid);
});

test('every recorded refusal becomes an error with exactly PVE’s words', () => {
  let seen = 0;
  for (const step of steps) {
    const { status, reason, body } = record(step['response']);
    if (typeof status !== 'number' || status < 400 || status > 594) continue;
    seen++;
    const { method, path } = record(step['request']) as { method: HttpMethod; path: string };
    const error = toError({ method, path }, { status, reason: String(reason), body });
    expect(error.code).toBe('PVE_REJECTED');
    const words = pveWords(error);
    const message = text(record(body)['message'])?.trimEnd();
    if (message !== undefined) expect(words?.message).toBe(message);
    expect(words?.message).not.toBe('');
    expect(Object.keys(words?.errors ?? {}).sort()).toEqual(Object.keys(record(record(body)['errors'])).sort());
  }
  expect(seen).toBeGreaterThan(50);
});

test('the progress of recorded copies ends at 1', () => {
  const logs = steps.map((step) => list(record(step['task'])['log']).map((line) => text(line) ?? ''));
  const copies = logs.filter((log) => log.at(-1) === 'TASK OK' && log.some((line) => /transferred .* of /.test(line)));
  expect(copies.length).toBeGreaterThan(3);
  for (const log of copies) expect(log.map(progressFraction).findLast((fraction) => fraction !== undefined)).toBe(1);
});
