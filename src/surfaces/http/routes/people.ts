import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  changePerson,
  endSessionsOfPerson,
  invite,
  people,
  personChangeSchema,
  personRequestSchema,
  resetPerson,
  sessionsOfPerson,
  viewInvited,
} from '../../../identity/index.ts';
import { findPerson } from '../../../store/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { requireEnvironments } from '../environments.ts';
import { making } from '../idempotency.ts';
import { invitedDocument, personDocument, sessionDocument, withoutLink } from './people_schemas.ts';
import { answers, done } from './schemas.ts';

const personId = z.strictObject({ id: z.string().min(1).max(100) });
const config = { rule: allow('admin', 'own', 'people') };
const id = (params: unknown): string => (params as z.output<typeof personId>).id;

/** People, for admins of the environments that they have rights in. */
export async function peopleRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const { identity } = deps;
  server.get(
    '/v1/people',
    {
      config,
      schema: { summary: 'People', response: answers({ 200: z.looseObject({ people: z.array(personDocument) }) }) },
    },
    async (request) => ({ people: await people(identity, caller(request)) }),
  );
  server.post(
    '/v1/people',
    {
      config,
      schema: { summary: 'Invite a person', body: personRequestSchema, response: answers({ 201: invitedDocument }) },
    },
    making(deps, new Set(), {
      make: async (request, note) => {
        const wanted = request.body as z.output<typeof personRequestSchema>;
        requireEnvironments(deps, 'grants', Object.keys(wanted.grants));
        return { status: 201, body: await invite(identity, wanted, caller(request), note) };
      },
      found: async (request, made) => ({ status: 201, body: await viewInvited(identity, made, caller(request)) }),
      keep: withoutLink,
    }),
  );
  server.patch(
    '/v1/people/:id',
    {
      config,
      schema: {
        summary: 'Change what a person may do; disable or enable it',
        params: personId,
        body: personChangeSchema,
        response: answers({ 200: personDocument }),
      },
    },
    async (request) => {
      const wanted = request.body as z.output<typeof personChangeSchema>;
      const before = await findPerson(deps.store, id(request.params));
      requireEnvironments(deps, 'grants', Object.keys(wanted.grants ?? {}), Object.keys(before?.grants ?? {}));
      return changePerson(identity, id(request.params), wanted, caller(request));
    },
  );
  server.post(
    '/v1/people/:id/reset',
    {
      config,
      schema: {
        summary: 'Take all of a person’s credentials away and invite it anew',
        params: personId,
        response: answers({ 200: invitedDocument }),
      },
    },
    (request) => resetPerson(identity, id(request.params), caller(request)),
  );
  sessionsOfPeople(server, deps);
}

function sessionsOfPeople(server: FastifyInstance, { identity }: HttpDeps): void {
  server.get(
    '/v1/people/:id/sessions',
    {
      config,
      schema: {
        summary: 'Sessions of a person',
        params: personId,
        response: answers({ 200: z.looseObject({ sessions: z.array(sessionDocument) }) }),
      },
    },
    async (request) => ({ sessions: await sessionsOfPerson(identity, id(request.params), caller(request)) }),
  );
  server.delete(
    '/v1/people/:id/sessions',
    { config, schema: { summary: 'End all sessions of a person', response: done, params: personId } },
    async (request, reply) => {
      await endSessionsOfPerson(identity, id(request.params), caller(request));
      return reply.code(204).send();
    },
  );
}
