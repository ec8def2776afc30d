import { sign } from 'node:crypto';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { Secret } from '../kernel/secret.ts';
import { auditHead, lastCheckpoint, listAudit, type AuditRecord, type CheckpointRecord } from '../store/index.ts';
import { onEveryEngine } from '../store/testing_engines.ts';
import { createAudit, type Audit } from './audit.ts';
import { checkpointBytes, recordHash } from './chain.ts';
import { exportAudit } from './export.ts';
import { recordWorld, recordWorldOn, type RecordWorld } from './testing.ts';
import { verifyExport } from './verify.ts';

const actor = { id: 'ada', class: 'human', via: 'cli' } as const;

onEveryEngine((engine) => {
  let it: RecordWorld;
  let audit: Audit;

  beforeEach(async () => {
    it = await recordWorldOn(engine);
    audit = createAudit(it);
  });
  afterEach(() => it.end());

  const append = (event: string, payload: unknown = null): Promise<AuditRecord> =>
    it.store.commit((trx) => audit.append(trx, { actor, environment: 'home', event, ids: { plan_id: 'p' }, payload }));

  async function lines(after = 0): Promise<string[]> {
    const out: string[] = [];
    for await (const line of exportAudit(it.store, audit, after)) out.push(line);
    return out;
  }

  /** 230 records: checkpoints at 100, 200 and, asked for, at 220. */
  async function longLog(): Promise<string[]> {
    const write = (count: number, name: string) =>
      Promise.all(Array.from({ length: count }, (_, index) => append(`${name} ${index}`, { index })));
    await write(220, 'event');
    await audit.checkpoint();
    await write(10, 'tail');
    return lines();
  }

  const parse = (line: string) => JSON.parse(line) as { type: string; seq: number } & Record<string, unknown>;
  const indexOf = (log: string[], type: string, seq: number): number =>
    log.findIndex((line) => parse(line).type === type && parse(line).seq === seq);
  const edit = (log: string[], at: number, change: object): string[] =>
    log.map((line, index) => (index === at ? JSON.stringify({ ...parse(line), ...change }) : line));
  const check = (log: string[], pem = audit.publicKeyPem) => verifyExport(log, pem);

  test('an untouched log verifies with the public key alone', async () => {
    const log = await longLog();
    expect(await check(log)).toEqual({
      ok: true,
      records: 230,
      checkpoints: 3,
      after_last_checkpoint: 10,
      notes: ['10 records after the last checkpoint'],
    });
    await audit.checkpoint();
    expect(await audit.checkpoint()).toBeUndefined();
    expect(await check(await lines())).toMatchObject({ ok: true, checkpoints: 4, after_last_checkpoint: 0, notes: [] });
  });

  test('an edited record is found, in every one of its fields', async () => {
    const log = await longLog();
    const at = indexOf(log, 'record', 57);
    const changes = [
      { at: 1 },
      { actor: { id: 'eve', class: 'human' } },
      { environment: 'cloud' },
      { event: 'x' },
      { ids: {} },
      { decision: 'allow' },
      { payload: { index: 1 } },
      { prev_hash: '0'.repeat(64) },
      { hash: '0'.repeat(64) },
      { more: 1 },
      { payload: { index: 56, more: null } },
    ];
    for (const change of changes) {
      expect(await check(edit(log, at, change)), JSON.stringify(change)).toMatchObject({
        ok: false,
        records: 56,
        firstBad: { seq: 57 },
      });
    }
  });

  test('an edited record whose hash was made good again is found at the next', async () => {
    const log = await longLog();
    const at = indexOf(log, 'record', 57);
    const forged = { ...(parse(log[at] ?? '') as unknown as AuditRecord), event: 'harmless' };
    const verdict = await check(edit(log, at, { event: 'harmless', hash: recordHash(forged) }));
    expect(verdict.firstBad).toMatchObject({ seq: 58, reason: expect.stringContaining('does not follow') });
  });

  test('a whole chain written anew is found at the first checkpoint', async () => {
    let prev_hash = '0'.repeat(64);
    const log = (await longLog()).map((line) => {
      const record = parse(line) as unknown as AuditRecord & { type: string };
      if (record.type !== 'record') return line;
      const claim = { ...record, event: 'harmless', prev_hash };
      prev_hash = recordHash(claim);
      return JSON.stringify({ ...claim, hash: prev_hash });
    });
    expect((await check(log)).firstBad).toEqual({ seq: 100, reason: 'the checkpoint was made for another chain' });
    const bare = log.filter((line) => parse(line).type !== 'checkpoint');
    expect((await check(bare)).firstBad).toMatchObject({
      seq: 101,
      reason: expect.stringContaining('without a checkpoint'),
    });
  });

  test('removed, repeated and swapped lines are found', async () => {
    const log = await longLog();
    const at = indexOf(log, 'record', 57);
    const removed = log.toSpliced(at, 1);
    expect((await check(removed)).firstBad).toEqual({
      seq: 57,
      reason: 'record 57 is missing or out of order: record 58 stands in its place',
    });
    expect((await check(log.toSpliced(at, 0, log[at] ?? ''))).firstBad).toMatchObject({ seq: 58 });
    expect((await check(log.with(at, log[at + 1] ?? '').with(at + 1, log[at] ?? ''))).firstBad).toMatchObject({
      seq: 57,
    });
    expect((await check(log.toSpliced(1, 1))).firstBad).toMatchObject({ seq: 1 });
    const checkpoint = indexOf(log, 'checkpoint', 100);
    expect((await check(log.toSpliced(checkpoint, 1))).firstBad).toMatchObject({ seq: 101 });
    expect((await check(log.toSpliced(checkpoint + 5, 0, log[checkpoint] ?? ''))).firstBad).toMatchObject({
      reason: expect.stringContaining('out of order'),
    });
    expect((await check(log.toSpliced(at, 0, 'nonsense'))).firstBad).toEqual({
      seq: 57,
      reason: 'the line is not JSON',
    });
    expect((await check(log.toSpliced(at, 0, '{"type":"other"}'))).firstBad).toMatchObject({ seq: 57 });
  });

  test('a cut tail is told where a checkpoint tells, and what is not signed yet is said', async () => {
    const log = await longLog();
    const until = log.filter((line) => parse(line).type !== 'record' || parse(line).seq <= 210);
    expect((await check(until)).firstBad).toMatchObject({
      reason: 'records up to 220 were signed, but those after 210 are missing',
    });
    expect(await check(log.slice(0, -4))).toMatchObject({ ok: true, records: 226, after_last_checkpoint: 6 });
  });

  test('a forged checkpoint and one by another key are found', async () => {
    const log = await longLog();
    const at = indexOf(log, 'checkpoint', 100);
    const real = parse(log[at] ?? '') as unknown as CheckpointRecord;
    for (const change of [{ at: 1 }, { count: 99 }, { head_hash: '0'.repeat(64) }, { signature: 'AAAA' }]) {
      expect((await check(edit(log, at, change))).firstBad, JSON.stringify(change)).toEqual({
        seq: 100,
        reason: 'the checkpoint is forged: its signature is not good',
      });
    }
    const eve = recordWorld('eve');
    const mallory = eve.keys.audit;
    const signed = sign(null, checkpointBytes({ ...real }), mallory.privateKey).toString('base64');
    expect((await check(edit(log, at, { signature: signed }))).firstBad).toMatchObject({
      reason: expect.stringContaining('forged'),
    });
    const own = { ...real, key_id: mallory.key_id };
    const other = edit(log, at, {
      key_id: own.key_id,
      signature: sign(null, checkpointBytes(own), mallory.privateKey).toString('base64'),
    });
    expect((await check(other)).firstBad).toMatchObject({
      seq: 100,
      reason: expect.stringContaining('not the given public key'),
    });
    expect((await check(log, mallory.publicKeyPem)).firstBad).toMatchObject({ seq: 100 });
    expect(await check(other, audit.publicKeyPem + mallory.publicKeyPem)).toMatchObject({ ok: true });
    await expect(check(log, 'no key')).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await eve.end();
  });

  test('a part of the log verifies as a part, and not as the whole', async () => {
    await longLog();
    const part = await lines(150);
    expect(await verifyExport(part, audit.publicKeyPem, { after: 150 })).toMatchObject({
      ok: true,
      records: 80,
      checkpoints: 2,
    });
    expect((await check(part)).firstBad).toMatchObject({ seq: 1 });
  });

  test('the database refuses to change or delete what was recorded', async () => {
    await append('a');
    await audit.checkpoint();
    for (const table of ['audit', 'checkpoints'] as const) {
      const update = it.store.commit((trx) => trx.db.updateTable(table).set({ at: 0 }).execute());
      await expect(update).rejects.toThrow('append-only');
      await expect(it.store.commit((trx) => trx.db.deleteFrom(table).execute())).rejects.toThrow('append-only');
    }
  });

  test('records that fail with their commit leave no hole, whoever shares the transaction', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ records: fc.nat(3), fails: fc.boolean() }), { maxLength: 12 }),
        async (commits) => {
          const before = (await auditHead(it.store))?.seq ?? 0;
          const results = await Promise.allSettled(
            commits.map(({ records, fails }) =>
              it.store.commit(async (trx) => {
                for (let count = 0; count < records; count += 1) await audit.append(trx, { actor, event: 'e' });
                if (fails) throw new Error('no');
              }),
            ),
          );
          expect(results.map(({ status }) => status === 'rejected')).toEqual(commits.map(({ fails }) => fails));
          const kept = commits.reduce((sum, { records, fails }) => sum + (fails ? 0 : records), 0);
          expect((await auditHead(it.store))?.seq ?? 0).toBe(before + kept);
          expect(await check(await lines())).toMatchObject({ ok: true, records: before + kept });
        },
      ),
      { numRuns: 40 },
    );
  });

  test('whatever is recorded reads back to the same hash', async () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, maxDepth: 3 });
    // NUL is the one character that PostgreSQL cannot hold in a text; in JSON it stands escaped.
    const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(anything, text, fc.dictionary(text, fc.double()), async (payload, event, numbers) => {
        const decision = { numbers, lone: `\ud800${event}` };
        await it.store.commit((trx) =>
          audit.append(trx, {
            actor: { ...actor, id: event.toWellFormed() },
            event: event.toWellFormed(),
            decision,
            payload,
          }),
        );
        const log = await lines((await auditHead(it.store))?.seq ? ((await auditHead(it.store))?.seq ?? 1) - 1 : 0);
        const record = parse(log[1] ?? '') as unknown as AuditRecord;
        expect(recordHash(record)).toBe(record.hash);
      }),
      { numRuns: 150 },
    );
    expect(await check(await lines())).toMatchObject({ ok: true });
  });

  test('one changed byte anywhere in the signed part is found', async () => {
    await longLog();
    const log = (await lines()).filter((line) => parse(line).type !== 'key');
    const signed = log.slice(0, indexOf(log, 'checkpoint', 220) + 1);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(signed.length - 1),
        fc.nat(),
        fc.integer({ min: 33, max: 126 }),
        async (which, where, code) => {
          const line = signed[which] ?? '';
          const at = where % line.length;
          const changed = line.slice(0, at) + String.fromCharCode(code) + line.slice(at + 1);
          if (changed === line) return;
          const verdict = await check(signed.with(which, changed));
          expect(verdict.ok, changed).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('planted secrets reach neither the table nor the export', async () => {
    const secret = new Secret('hunter2-planted');
    await it.store.commit((trx) =>
      audit.append(trx, {
        actor: { ...actor, token: secret },
        event: 'e',
        ids: { a: secret },
        decision: [secret],
        payload: { deep: [{ secret }] },
      }),
    );
    const text = (await lines()).join('\n');
    expect(text).not.toContain('hunter2');
    expect(text.match(/\[redacted\]/g)?.length).toBe(4);
  });

  test('checkpoints come after 100 records, after 10 minutes, and at the end of run', async () => {
    const seen: number[] = [];
    audit = createAudit({ ...it, onCheckpoint: ({ seq }) => seen.push(seq) });
    for (let count = 0; count < 99; count += 1) await append('e');
    expect(await lastCheckpoint(it.store)).toBeUndefined();
    await append('e');
    expect(await lastCheckpoint(it.store)).toMatchObject({ seq: 100, count: 100 });
    it.clock.advance(10 * 60_000 - 1);
    await append('e');
    it.clock.advance(1);
    await append('e');
    expect(await lastCheckpoint(it.store)).toMatchObject({ seq: 102 });
    const controller = new AbortController();
    const running = createAudit({ ...it, clock: systemClock, onCheckpoint: ({ seq }) => seen.push(seq) }).run(
      controller.signal,
    );
    await append('e');
    controller.abort();
    await running;
    expect(seen).toEqual([100, 102, 103]);
  });

  test('a checkpoint is told to the second place only when it is durable', async () => {
    const seen: string[] = [];
    audit = createAudit({
      ...it,
      onCheckpoint: () => seen.push('checkpoint'),
      onRecord: ({ event }) => seen.push(event),
    });
    const failing = it.store.commit(async (trx) => {
      for (let count = 0; count < 100; count += 1) await audit.append(trx, { actor, event: 'lost' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await append('kept');
    expect(seen).toEqual(['kept']);
    expect((await listAudit(it.store, { after: 0, limit: 9 })).map(({ event }) => event)).toEqual(['kept']);
  });
});
