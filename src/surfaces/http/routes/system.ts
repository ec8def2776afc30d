import { lstatSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { actorOf } from '../../../identity/index.ts';
import { AgentError } from '../../../kernel/errors.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { lazyReference, REFERENCE_POLICY } from '../reference.ts';
import { answers } from './schemas.ts';

const backupBody = z.strictObject({
  file: z.string().min(1).describe('Absolute path on the server’s machine; must not exist yet.'),
});

export async function systemRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  server.get(
    '/healthz',
    { config: { rule: 'public' }, schema: { summary: 'The process is up', security: [] } },
    () => ({ status: 'ok', version: deps.version }),
  );
  server.get(
    '/readyz',
    { config: { rule: 'public' }, schema: { summary: 'It can do its work', security: [] } },
    async () => {
      await deps.store.db.selectFrom('settings').select('key').limit(1).execute();
      return { status: 'ready' };
    },
  );
  server.get(
    '/metrics',
    // Counts by environment are of all environments.
    { config: { rule: allow('viewer', 'everywhere') }, schema: { summary: 'Prometheus metrics' } },
    async (_request, reply) => reply.type(deps.metrics.contentType).send(await deps.metrics.text()),
  );
  server.get('/openapi.json', { config: { rule: 'public' }, schema: { hide: true } }, () => server.swagger());
  const reference = lazyReference();
  for (const url of ['/docs', '/docs/*']) {
    server.get(url, { config: { rule: 'public' }, schema: { hide: true } }, async (request, reply) => {
      const { status, type, body, location } = await reference(request.url);
      if (location !== undefined) void reply.header('Location', location);
      return reply.code(status).type(type).header('Content-Security-Policy', REFERENCE_POLICY).send(body);
    });
  }
  server.post(
    '/v1/store/backup',
    {
      // A copy holds the hashes of all credentials: not for who must never become a person.
      config: { rule: allow('admin', 'everywhere', 'no agent') },
      schema: {
        summary: 'Copy the database while it is used',
        body: backupBody,
        response: answers({ 200: z.looseObject({ file: z.string() }) }),
      },
    },
    async (request) => {
      const { file } = request.body as z.output<typeof backupBody>;
      if (!isAbsolute(file))
        throw new AgentError('VALIDATION_FAILED', 'The file must be an absolute path.', {
          errors: { file: 'must begin with /' },
        });
      // The server may write much that it must not write over: its own database and keys first of all.
      if (lstatSync(file, { throwIfNoEntry: false }) !== undefined)
        throw new AgentError('VALIDATION_FAILED', `There is a file ${file} already; name a new one.`, {
          errors: { file: 'must not exist yet' },
        });
      const { bytes } = await deps.store.backup(file);
      await deps.store.commit((trx) =>
        deps.audit.append(trx, { actor: actorOf(caller(request)), event: 'store.backup', payload: { file, bytes } }),
      );
      return { file, bytes };
    },
  );
}
