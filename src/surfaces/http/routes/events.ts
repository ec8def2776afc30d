import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { mayUse } from '../../../identity/index.ts';
import { AgentError } from '../../../kernel/errors.ts';
import { allow } from '../access.ts';
import { callerNow } from '../auth.ts';
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
      const leave = (): void => gone.abort();
      const { raw } = reply.hijack();
      raw.on('close', leave);
      server.closing.addEventListener('abort', leave);
      raw.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        Connection: 'keep-alive',
      });
      raw.write(': connected\n\n');
      const beats = beat(request, deps, raw, gone);
      try {
        const filter = {
          ...(type === undefined ? {} : { types: type.split(',') }),
          ...(environment === undefined ? {} : { environment }),
          ids,
        };
        for await (const event of deps.events.stream(last, filter, gone.signal)) {
          const now = await callerNow(request, deps);
          if (now === undefined) break;
          if (event.environment !== null && !mayUse(now, event.environment)) continue;
          const { id, ...rest } = event;
          const open = raw.write(
            `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify({ ...rest, id, at: new Date(event.at).toISOString() })}\n\n`,
          );
          if (!open) await new Promise<void>((resolve) => raw.once('drain', resolve).once('close', resolve));
        }
      } finally {
        gone.abort();
        server.closing.removeEventListener('abort', leave);
        await beats;
        raw.end();
      }
    },
  );
}

/** Says something now and then, and ends the stream of who has no business here any more, also when nothing happens. */
async function beat(
  request: FastifyRequest,
  deps: HttpDeps,
  raw: FastifyReply['raw'],
  gone: AbortController,
): Promise<void> {
  while (!gone.signal.aborted) {
    await deps.clock.sleep(HEARTBEAT_MS, gone.signal).catch(() => undefined);
    if (gone.signal.aborted) return;
    // What cannot be looked at now is looked at with the next event, or the next time.
    const good = await callerNow(request, deps).catch(() => true);
    if (good === undefined) gone.abort();
    else raw.write(': still here\n\n');
  }
}

/** A client that begins sends an empty header or none. */
function lastSeen(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header);
  throw new AgentError('VALIDATION_FAILED', 'Last-Event-ID must be the id of an event of this stream.');
}
