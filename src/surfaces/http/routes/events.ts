import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { mayUse } from '../../../identity/index.ts';
import { AgentError } from '../../../kernel/errors.ts';
import { allow } from '../access.ts';
import { caller, stillValid } from '../auth.ts';
import type { HttpDeps } from '../context.ts';

const query = z.strictObject({
  type: z.string().optional().describe('Only events of these types, separated by commas.'),
  environment: z.string().optional(),
  plan_id: z.string().optional(),
  operation_id: z.string().optional(),
  last_event_id: z.coerce.number().int().min(0).optional().describe('As the header, for clients that cannot set one.'),
});
/** Proxies and browsers give up on a stream that says nothing. */
const HEARTBEAT_MS = 15_000;

/** The event stream: server-sent events, resumed without a gap by `Last-Event-ID`. */
export async function eventRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  server.get(
    '/v1/events',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Live events (SSE)',
        querystring: query,
        description: 'Resume with the header Last-Event-ID.',
      },
    },
    async (request, reply) => {
      const { type, environment, plan_id, operation_id, last_event_id } = request.query as z.output<typeof query>;
      const last = lastSeen(request.headers['last-event-id']) ?? last_event_id ?? null;
      const ids = {
        ...(plan_id === undefined ? {} : { plan_id }),
        ...(operation_id === undefined ? {} : { operation_id }),
      };
      const gone = new AbortController();
      const { raw } = reply.hijack();
      raw.on('close', () => gone.abort());
      raw.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        Connection: 'keep-alive',
      });
      raw.write(': connected\n\n');
      const beat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_MS);
      try {
        const filter = {
          ...(type === undefined ? {} : { types: type.split(',') }),
          ...(environment === undefined ? {} : { environment }),
          ids,
        };
        for await (const event of deps.events.stream(last, filter, gone.signal)) {
          if (event.environment !== null && !mayUse(caller(request), event.environment)) continue;
          if (!(await stillValid(request, deps))) break;
          const { id, ...rest } = event;
          const open = raw.write(
            `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify({ ...rest, id, at: new Date(event.at).toISOString() })}\n\n`,
          );
          if (!open) await new Promise<void>((resolve) => raw.once('drain', resolve).once('close', resolve));
        }
      } finally {
        clearInterval(beat);
        raw.end();
      }
    },
  );
}

/** A client that begins sends an empty header or none. */
function lastSeen(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header);
  throw new AgentError('VALIDATION_FAILED', 'Last-Event-ID must be the id of an event of this stream.');
}
