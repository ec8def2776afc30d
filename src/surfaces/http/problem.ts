import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AgentError, CATALOGUE, isAgentError, toAgentError, toProblem } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/log.ts';

/** The one place where errors become answers: `application/problem+json`, never a stack trace. */
export function sendProblem(log: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = fromFastify(error) ?? toAgentError(error);
  const { status } = CATALOGUE[problem.code];
  if (status >= 500 && problem.code === 'INTERNAL')
    log.error({ correlation_id: request.id, err: error }, 'a request failed inside');
  if (problem.code === 'UNAUTHENTICATED') void reply.header('WWW-Authenticate', 'Bearer');
  const { retry_after } = problem.details.more ?? {};
  if (typeof retry_after === 'number') void reply.header('Retry-After', retry_after);
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify(toProblem(problem, request.id)));
}

/** What fastify itself refuses, in the words of the catalogue. */
function fromFastify(error: unknown): AgentError | undefined {
  if (isAgentError(error)) return error;
  const { statusCode, code, message } = error as FastifyError;
  if (code === 'FST_ERR_VALIDATION' && isAgentError((error as { cause?: unknown }).cause))
    return (error as { cause: AgentError }).cause;
  // What is asked for outside the folder of the page.
  if (statusCode === 403 || statusCode === 404) return new AgentError('NOT_FOUND', 'There is nothing here.');
  if (statusCode === 413) return new AgentError('VALIDATION_FAILED', 'The body is too large.');
  if (statusCode === 414) return new AgentError('VALIDATION_FAILED', 'A name in the path is too long.');
  if (statusCode === 415) return new AgentError('VALIDATION_FAILED', 'Send the body as application/json.');
  if (statusCode === 429) return new AgentError('RATE_LIMITED', message);
  if (statusCode === 400)
    return new AgentError(
      'VALIDATION_FAILED',
      code === 'FST_ERR_CTP_INVALID_JSON_BODY' || /JSON/.test(message) ? 'The body is not valid JSON.' : message,
    );
  return undefined;
}
