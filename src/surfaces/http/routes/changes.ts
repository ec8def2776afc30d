import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  CHANGE_STATUSES,
  changeMetrics,
  createChange,
  exportChange,
  importChange,
  listChanges,
  updateChange,
  viewChange,
  type ContentInput,
} from '../../../changes/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { making, type Answer } from '../idempotency.ts';
import {
  changeDocument,
  changeId,
  changeParams,
  idOf,
  importBody,
  newChange,
  numberOf,
  patchedChange,
} from './change_schemas.ts';
import { stepRoutes } from './change_steps.ts';
import { answers, cursor } from './schemas.ts';

const listQuery = z.strictObject({
  limit: cursor.limit,
  before: changeId.optional().describe('Only changes with a lower number: `next` of the page before.'),
  status: z.enum(CHANGE_STATUSES).optional().describe('Only changes that stand so.'),
  overdue: z.enum(['1']).optional().describe('`1`: only emergencies whose review is overdue.'),
});
const metricsQuery = z.strictObject({
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Only changes that were made since this time; all when left out.'),
});
const listAnswer = z.looseObject({ changes: z.array(changeDocument) });
const metricsAnswer = z.looseObject({ total: z.int(), ended: z.int(), reviews_overdue: z.int() });

export async function changeRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  server.addContentTypeParser('text/markdown', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  const underWay = new Set<string>();
  readRoutes(server, deps);
  writeRoutes(server, deps, underWay);
  stepRoutes(server, deps, underWay);
}

function readRoutes(server: FastifyInstance, { changes }: HttpDeps): void {
  server.get(
    '/v1/changes',
    {
      config: { rule: allow('viewer', 'none') },
      schema: { summary: 'Changes, newest first', querystring: listQuery, response: answers({ 200: listAnswer }) },
    },
    async (request) => {
      const { limit, before, status, overdue } = request.query as z.output<typeof listQuery>;
      const filter = { limit, status, overdue: overdue !== undefined, ...(before && { before: numberOf(before) }) };
      const found = await listChanges(changes, filter, caller(request));
      return { changes: found, ...(found.length === limit ? { next: found.at(-1)?.['id'] } : {}) };
    },
  );
  server.get(
    '/v1/changes/metrics',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Figures over the changes',
        querystring: metricsQuery,
        response: answers({ 200: metricsAnswer }),
      },
    },
    (request) => {
      const { since } = request.query as z.output<typeof metricsQuery>;
      return changeMetrics(changes, caller(request), since === undefined ? 0 : Date.parse(since));
    },
  );
  server.get(
    '/v1/changes/:change_id',
    {
      config: { rule: allow('viewer', 'change') },
      schema: { summary: 'A change', params: changeParams, response: answers({ 200: changeDocument }) },
    },
    (request) => viewChange(changes, idOf(request), caller(request)),
  );
  server.get(
    '/v1/changes/:change_id/export',
    {
      config: { rule: allow('viewer', 'change') },
      schema: {
        summary: 'A change as Markdown',
        params: changeParams,
        produces: ['text/markdown'],
        response: answers({ 200: z.string().describe('The document, as `import` reads it.') }),
      },
    },
    async (request, reply) => {
      const text = await exportChange(changes, idOf(request), caller(request));
      return reply
        .type('text/markdown; charset=utf-8')
        .header('Content-Disposition', `attachment; filename="${idOf(request)}.md"`)
        .send(text);
    },
  );
}

function writeRoutes(server: FastifyInstance, deps: HttpDeps, underWay: Set<string>): void {
  const { changes } = deps;
  const found = async (request: FastifyRequest, made: string): Promise<Answer> => ({
    status: 201,
    body: await viewChange(changes, made, caller(request)),
  });
  server.post(
    '/v1/changes',
    {
      config: { rule: allow('operator', 'body') },
      schema: { summary: 'A new change', body: newChange, response: answers({ 201: changeDocument }) },
    },
    making(deps, underWay, {
      make: async (request, note) => {
        const { category, ...content } = request.body as z.output<typeof newChange>;
        return { status: 201, body: await createChange(changes, { category, content }, caller(request), note) };
      },
      found,
    }),
  );
  server.post(
    '/v1/changes/import',
    {
      config: { rule: allow('operator', 'body') },
      schema: {
        summary: 'Take a change from its Markdown document',
        consumes: ['text/markdown', 'application/json'],
        body: importBody,
        response: answers({ 201: changeDocument }),
      },
    },
    making(deps, underWay, {
      make: async (request, note) => ({
        status: 201,
        body: await importChange(changes, markdownOf(request), caller(request), note),
      }),
      found,
    }),
  );
  server.patch(
    '/v1/changes/:change_id',
    {
      config: { rule: allow('operator', 'change') },
      schema: {
        summary: 'Rewrite some of a change',
        params: changeParams,
        body: patchedChange,
        response: answers({ 200: changeDocument }),
      },
    },
    (request) => {
      const { category, digest, ...content } = request.body as z.output<typeof patchedChange>;
      return updateChange(
        changes,
        idOf(request),
        { category, digest, content: content as Partial<ContentInput> },
        caller(request),
      );
    },
  );
}

function markdownOf({ body }: FastifyRequest): string {
  const given = body as z.output<typeof importBody>;
  return typeof given === 'string' ? given : given.markdown;
}
