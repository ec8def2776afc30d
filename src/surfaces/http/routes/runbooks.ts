import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  abortRun,
  abortSchema,
  actOnStep,
  actSchema,
  listRuns,
  pauseRun,
  pauseSchema,
  reportRun,
  resumeRun,
  runbookSummary,
  runbookView,
  runView,
  startRun,
  startSchema,
  viewRun,
  type Run,
} from '../../../changes/index.ts';
import { RUN_STATES } from '../../../store/index.ts';
import { allow, type Who } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { idempotent, making } from '../idempotency.ts';
import { answers, cursor } from './schemas.ts';

const runbookId = z.strictObject({ id: z.string().min(1).max(64).describe('Id of the runbook.') });
const runId = z.strictObject({ run_id: z.uuid().describe('Id of the run.') });
const stepOfRun = runId.extend({ step: z.coerce.number().int().min(1).max(999).describe('Number of the step.') });
const listQuery = z.strictObject({
  ...cursor,
  state: z.enum(RUN_STATES).optional().describe('Only runs in this state.'),
  active: z.enum(['0', '1']).optional().describe('1: only runs that can still go on.'),
});
/** A failed step can be tried again, so its run goes on. */
const OPEN_RUNS = RUN_STATES.filter((state) => state !== 'done' && state !== 'canceled');
const nothing = z
  .strictObject({})
  .nullish()
  .transform(() => ({}));

const runbookDocument = z
  .looseObject({ id: z.string(), title: z.string(), version: z.string(), summary: z.string() })
  .describe('A runbook.');
const runDocument = z
  .looseObject({ run_id: z.string(), runbook: z.string(), state: z.string() })
  .describe('A run of a runbook: its steps with what became of each; `next` is the verb that brings it on.');

/** Runbooks and their runs. Who may say what to a step is decided by the room, so that it can say why not. */
export async function runbookRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const { library } = deps.runbooks;
  server.get(
    '/v1/runbooks',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Runbooks that can be started',
        response: answers({ 200: z.looseObject({ runbooks: z.array(runbookDocument) }) }),
      },
    },
    () => ({ runbooks: library.list().map(runbookSummary) }),
  );
  server.get(
    '/v1/runbooks/:id',
    {
      config: { rule: allow('viewer', 'none') },
      schema: { summary: 'A runbook with its steps', params: runbookId, response: answers({ 200: runbookDocument }) },
    },
    (request) => runbookView(library.get((request.params as z.output<typeof runbookId>).id)),
  );
  const underWay = new Set<string>();
  readRoutes(server, deps);
  startAndStep(server, deps, underWay);
  controlRoutes(server, deps, underWay);
}

const idOf = (request: FastifyRequest): string => (request.params as z.output<typeof runId>).run_id;
const answerOf = (status: number) => async (run: Promise<Run>) => ({ status, body: runView(await run) });
const ok = answerOf(200);

function readRoutes(server: FastifyInstance, { runbooks }: HttpDeps): void {
  server.get(
    '/v1/runbook-runs',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Runs of runbooks, newest first',
        querystring: listQuery,
        response: answers({ 200: z.looseObject({ runs: z.array(runDocument) }) }),
      },
    },
    (request) => {
      const { state, active, ...page } = request.query as z.output<typeof listQuery>;
      const states = state !== undefined ? [state] : active === '1' ? OPEN_RUNS : undefined;
      return listRuns(runbooks, { ...page, states }, caller(request));
    },
  );
  server.get(
    '/v1/runbook-runs/:run_id',
    {
      config: { rule: allow('viewer', 'run') },
      schema: { summary: 'A run of a runbook', params: runId, response: answers({ 200: runDocument }) },
    },
    (request) => viewRun(runbooks, idOf(request), caller(request)),
  );
  server.get(
    '/v1/runbook-runs/:run_id/report',
    {
      config: { rule: allow('viewer', 'run') },
      schema: {
        summary: 'The report of a run, in Markdown',
        params: runId,
        response: answers({ 200: z.string().describe('Markdown.') }),
      },
    },
    async (request, reply) =>
      reply.type('text/markdown; charset=utf-8').send(await reportRun(runbooks, idOf(request), caller(request))),
  );
}

function startAndStep(server: FastifyInstance, deps: HttpDeps, underWay: Set<string>): void {
  const { runbooks } = deps;
  server.post(
    '/v1/runbook-runs',
    {
      config: { rule: allow('operator', 'body') },
      schema: { summary: 'Start a runbook', body: startSchema, response: answers({ 201: runDocument }) },
    },
    making(deps, underWay, {
      make: (request, note) =>
        answerOf(201)(startRun(runbooks, request.body as z.output<typeof startSchema>, caller(request), note)),
      found: async (request, made) => ({ status: 201, body: await viewRun(runbooks, made, caller(request)) }),
    }),
  );
  server.post(
    '/v1/runbook-runs/:run_id/steps/:step',
    {
      config: { rule: allow('operator', 'run') },
      schema: {
        summary: 'Answer, approve, run, skip or retry the step that a run stands at',
        params: stepOfRun,
        body: actSchema,
        response: answers({ 200: runDocument }),
      },
    },
    idempotent(deps, underWay, (request) => {
      const { run_id, step } = request.params as z.output<typeof stepOfRun>;
      return ok(actOnStep(runbooks, run_id, step, request.body as z.output<typeof actSchema>, caller(request)));
    }),
  );
}

function controlRoutes(server: FastifyInstance, deps: HttpDeps, underWay: Set<string>): void {
  const { runbooks } = deps;
  const route = (
    verb: string,
    who: Who,
    summary: string,
    body: z.ZodType,
    work: (request: FastifyRequest) => Promise<Run>,
  ): unknown =>
    server.post(
      `/v1/runbook-runs/:run_id/${verb}`,
      {
        config: { rule: allow('operator', 'run', who) },
        schema: { summary, params: runId, body, response: answers({ 200: runDocument }) },
      },
      idempotent(deps, underWay, (request) => ok(work(request))),
    );
  const why = ({ body }: FastifyRequest): string => (body as { reason: string }).reason;
  route('pause', 'anyone', 'Stop a run where it stands', pauseSchema, (request) =>
    pauseRun(runbooks, idOf(request), why(request), caller(request)),
  );
  route('resume', 'people', 'Let a paused run go on', nothing, (request) =>
    resumeRun(runbooks, idOf(request), caller(request)),
  );
  route('abort', 'people', 'End a run before its last step', abortSchema, (request) =>
    abortRun(runbooks, idOf(request), why(request), caller(request)),
  );
}
