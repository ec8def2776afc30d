import type { Clock } from '../kernel/clock.ts';
import { isAgentError, toAgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { kindOf } from './failures.ts';
import { num, record, text } from './lenient.ts';
import { isJson, toError } from './rejection.ts';
import { createTaskWaiter } from './tasks.ts';
import type { PveAnswer, PveApi, PveRequest, RawResponse, Transport } from './types.ts';

export interface PveApiOptions {
  /** See `PveApi.principal`; `principalOf` gives it for the transport's credentials. */
  readonly principal: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds for which `waitTask` keeps asking a node that does not answer; 10 minutes if absent. */
  readonly patience?: number;
}

const TRIES = 3;
const FIRST_PAUSE_MS = 200;

/** PVE's API over any transport, with PVE's words in the errors. Nothing but a GET is ever sent twice. */
export function createPveApi(transport: Transport, options: PveApiOptions): PveApi {
  const { principal, clock, log } = options;
  const once = async (request: PveRequest): Promise<PveAnswer> => toAnswer(request, await transport(request));
  const call = async (request: PveRequest): Promise<PveAnswer> => {
    if (request.method !== 'GET') return once(request);
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(request);
      } catch (error) {
        if (attempt === TRIES || !worthRepeating(error)) throw error;
        log.debug({ attempt, reason: toAgentError(error).message }, 'a read got no answer and is tried again');
        await clock.sleep(FIRST_PAUSE_MS * 3 ** (attempt - 1), request.signal);
      }
    }
  };
  return {
    principal,
    call,
    get: async (path, params = {}) => (await call({ method: 'GET', path, params })).data,
    // Each question once: the waiter has its own patience.
    waitTask: createTaskWaiter(once, { clock, log, patience: options.patience ?? 10 * 60_000 }),
  };
}

/** A time-out has used up the caller's time, a wrong certificate stays wrong, and a cancelled call is not wanted. */
function worthRepeating(error: unknown): boolean {
  return isAgentError(error, 'PVE_UNREACHABLE') && ['connect', 'cut', 'proxy'].includes(kindOf(error) ?? '');
}

function toAnswer(request: PveRequest, response: RawResponse): PveAnswer {
  if (response.status < 200 || response.status > 299 || !isJson(response)) throw toError(request, response);
  const body = record(response.body);
  const total = num(body['total']);
  const changes = text(body['changes']);
  return {
    data: body['data'] ?? null,
    ...(total === undefined ? {} : { total }),
    ...(changes === undefined ? {} : { changes }),
  };
}
