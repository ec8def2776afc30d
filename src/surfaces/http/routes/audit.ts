import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { mayUse, type Principal } from '../../../identity/index.ts';
import { exportAudit } from '../../../record/index.ts';
import { auditHead, listAudit, type AuditRecord } from '../../../store/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { answers } from './schemas.ts';

const listQuery = z.strictObject({
  after: z.coerce.number().int().min(0).optional().describe('Only records with a greater sequence number.'),
  last: z.coerce.number().int().min(1).max(500).optional().describe('The newest so many, instead.'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const exportQuery = z.strictObject({ after: z.coerce.number().int().min(0).default(0) });

export async function auditRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  server.get(
    '/v1/audit',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Audit records in order',
        querystring: listQuery,
        response: answers({ 200: z.looseObject({ records: z.array(z.unknown()) }) }),
      },
    },
    async (request) => {
      const { after, last, limit } = request.query as z.output<typeof listQuery>;
      const head = (await auditHead(deps.store))?.seq ?? 0;
      const from = after ?? (last === undefined ? 0 : Math.max(0, head - last));
      const records = await listAudit(deps.store, { after: from, limit: last ?? limit });
      return { records: records.map((record) => shown(record, caller(request))), head };
    },
  );
  server.get(
    '/v1/audit/export',
    {
      // A record left out or emptied would not verify, so it is all or nothing.
      config: { rule: allow('approver', 'everywhere') },
      schema: { summary: 'The whole log as JSON Lines, with checkpoints', querystring: exportQuery },
    },
    async (request, reply) => {
      const { after } = request.query as z.output<typeof exportQuery>;
      await deps.audit.checkpoint();
      return reply
        .type('application/jsonl')
        .header('Content-Disposition', 'attachment; filename="audit.jsonl"')
        .send(Readable.from(lines(exportAudit(deps.store, deps.audit, after))));
    },
  );
  server.get(
    '/v1/audit/key',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'The public key that checkpoints are signed with',
        response: answers({ 200: z.looseObject({ key_id: z.string(), public_key: z.string() }) }),
      },
    },
    () => ({ key_id: deps.audit.key_id, public_key: deps.audit.publicKeyPem, algorithm: 'Ed25519' }),
  );
}

async function* lines(source: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of source) yield line.endsWith('\n') ? line : `${line}\n`;
}

/**
 * A record that the caller may not see keeps its place in the chain and loses its content. What is about no single
 * environment (tokens, backups) is for those who have rights in all, and for who did it.
 */
const shown = (record: AuditRecord, principal: Principal): unknown => {
  const { environment, actor } = record;
  const own = environment === null && (principal.environments === null || actor.id === principal.id);
  if (own || (environment !== null && mayUse(principal, environment)))
    return { ...record, at: new Date(record.at).toISOString() };
  return { seq: record.seq, at: new Date(record.at).toISOString(), hash: record.hash, prev_hash: record.prev_hash };
};
