import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { exportAudit } from '../../src/record/index.ts';
import { inCase } from '../contract/cases.ts';

const PLANTED = 'pl4nted-s3cret-value';
const requests = [
  {
    action: 'vm.create_from_template',
    target: 'vm/9000',
    params: { name: 'web1', cloudinit: { user: 'ana', password: PLANTED } },
  },
  { action: 'vm.cloudinit.configure', target: 'vm/301', params: { password: PLANTED } },
];

/** Every file of the data directory as one text, so that nothing hides in a page of the database. */
const bytesOf = (directory: string): string =>
  readdirSync(directory)
    .map((name) => readFileSync(join(directory, name)).toString('latin1'))
    .join('\n');

describe.each(requests)('a planted secret in $action', (request) => {
  it('reaches PVE and appears in no output and no file', () =>
    inCase(async (one) => {
      const seen: string[] = [];
      const life = one.life();
      const stop = new AbortController();
      const listening = (async () => {
        for await (const event of life.changes.events.stream(0, {}, stop.signal)) seen.push(JSON.stringify(event));
      })();
      const plan = await life.plan(request);
      seen.push(JSON.stringify(plan), inspect(plan, { depth: 20 }));
      const waiting = bytesOf(one.directory.path);
      const operation_id = await life.begin(plan);
      const operation = await life.end(operation_id);
      seen.push(JSON.stringify(operation));
      for await (const line of exportAudit(life.store, life.changes.audit)) seen.push(line);
      stop.abort();
      await listening;
      seen.push(waiting, bytesOf(one.directory.path));
      await life.close();
      seen.push(bytesOf(one.directory.path));

      expect(operation['state']).toBe('applied');
      expect(JSON.stringify(one.simulator.calls)).toContain(PLANTED);
      for (const output of seen)
        expect(output.includes(PLANTED) || output.includes(Buffer.from(PLANTED).toString('base64'))).toBe(false);
      expect(JSON.stringify(plan)).toContain('[redacted]');
    }));

  it('does not appear when the rehearsal fails, or when PVE echoes it in an error', () =>
    inCase(async (one) => {
      one.simulator.inject({
        match: { method: 'PUT', nth: 1 },
        kind: 'status',
        status: 500,
        message: 'something is wrong',
      });
      const life = one.life();
      const operation = await life.end(await life.begin(await life.plan(request)));
      await life.close();
      expect(operation['state']).toBe('failed');
      expect(JSON.stringify(operation) + bytesOf(one.directory.path)).not.toContain(PLANTED);
    }));
});
