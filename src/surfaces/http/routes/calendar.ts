import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { calendarOf, calendarQuerySchema, unschedule } from '../../../changes/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { answers, planDocument, planId } from './schemas.ts';

const entry = z.looseObject({
  kind: z.enum(['window', 'blackout', 'plan', 'freeze', 'change']),
  environment: z.string(),
  name: z.string(),
  from: z.string(),
  to: z.string().nullable(),
});

export async function calendarRoutes(server: FastifyInstance, { changes, policy }: HttpDeps): Promise<void> {
  server.get(
    '/v1/calendar',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Change windows, blackouts, changes, scheduled plans and freezes, by their begin',
        querystring: calendarQuerySchema,
        response: answers({ 200: z.looseObject({ time_zone: z.string(), entries: z.array(entry) }) }),
      },
    },
    async (request) => ({
      time_zone: policy.zone,
      ...(await calendarOf(
        changes,
        request.query as z.output<typeof calendarQuerySchema>,
        caller(request),
        policy.zone,
      )),
    }),
  );
  server.delete(
    '/v1/plans/:plan_id/schedule',
    {
      config: { rule: allow('operator', 'plan') },
      schema: {
        summary: 'Take the schedule of a plan back; the plan stays approved',
        params: planId,
        response: answers({ 200: planDocument }),
      },
    },
    (request) => unschedule(changes, (request.params as z.output<typeof planId>).plan_id, caller(request)),
  );
}
