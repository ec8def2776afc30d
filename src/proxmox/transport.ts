import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { mapSecrets } from '../kernel/secret.ts';
import { createAuthenticator, type PveAuth } from './auth.ts';
import { encodeParams } from './encode.ts';
import { originOf } from './endpoint.ts';
import { exchange, type Outgoing } from './exchange.ts';
import { kindOf, sentOf } from './failures.ts';
import { proxySent } from './rejection.ts';
import { createConnector, type TlsTrust } from './tls.ts';
import type { PveParams, PveRequest, RawResponse, Transport } from './types.ts';

export interface TransportOptions {
  /** Addresses of nodes of one cluster, tried in this order. */
  readonly endpoints: readonly string[];
  readonly auth: PveAuth;
  readonly tls?: TlsTrust;
  readonly clock: Clock;
  /** Milliseconds: a whole GET, a whole call of another kind, making one connection. 15 s, 60 s, 5 s if absent. */
  readonly timeouts?: { readonly read?: number; readonly write?: number; readonly connect?: number };
}

/** A `Transport` with connections to let go of. */
export type HttpsTransport = Transport & { close(): Promise<void> };

/** pveproxy drops a connection after 5 s without use; letting go earlier avoids meeting that cut. */
const IDLE_MS = 3000;
/** More connections than this to one node only queue there: pveproxy has three workers. */
const CONNECTIONS = 16;

interface Endpoint {
  readonly reads: Pool;
  readonly writes: Pool;
}

/**
 * Carries requests to one environment. Its secrets, connections and trust live in this call's closure and nowhere
 * else, and it never follows a redirect, so nothing of it can reach another environment's server.
 * Errors: `CONFIGURATION_INVALID` at once for endpoints, credentials or trust that cannot work.
 */
export function createTransport(options: TransportOptions): HttpsTransport {
  const { read = 15_000, write = 60_000, connect = 5000 } = options.timeouts ?? {};
  const endpoints = openEndpoints(options.endpoints, options.tls ?? {}, connect);
  const travel = createFailover(endpoints);
  const send = (request: PveRequest, headers: Outgoing['headers']): Promise<RawResponse> =>
    travel(outgoing(request, headers, request.timeout ?? (request.method === 'GET' ? read : write)));
  const authenticator = createAuthenticator(options.auth, (request) => send(request, {}), options.clock);

  const transport: Transport = async (request) => {
    const first = await authenticator.headers(request.method);
    if ('refused' in first) return first.refused;
    const answer = await send(request, first.headers);
    if (answer.status !== 401 || !authenticator.refused(first.headers)) return answer;
    // A 401 was not executed, so also a write may go again with a new ticket.
    const second = await authenticator.headers(request.method);
    return 'refused' in second ? second.refused : send(request, second.headers);
  };
  return Object.assign(transport, {
    close: async () => {
      await Promise.all(endpoints.flatMap(({ reads, writes }) => [reads.destroy(), writes.destroy()]));
    },
  });
}

function openEndpoints(addresses: readonly string[], trust: TlsTrust, timeout: number): readonly Endpoint[] {
  if (addresses.length === 0)
    throw new AgentError('CONFIGURATION_INVALID', 'An environment needs at least one endpoint.');
  const origins = addresses.map((address) => originOf(address).origin);
  const connect = createConnector(trust, timeout);
  const common: Pool.Options = {
    connect,
    allowH2: false,
    connections: CONNECTIONS,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
  };
  return origins.map((origin) => ({
    reads: new Pool(origin, { ...common, pipelining: 1 }),
    // `pipelining: 0` gives every write its own connection: on one that the server just closes a write would be in doubt.
    writes: new Pool(origin, { ...common, pipelining: 0 }),
  }));
}

/** What of a request nobody may see, in the forms in which it may be echoed. Short ones would match by chance. */
function secretsOf(params: PveParams = {}, headers: Outgoing['headers']): string[] {
  const given = Object.values(headers).flatMap((value) => [
    value.replace(/^[^=]*=/, ''),
    value.slice(value.lastIndexOf('=') + 1),
  ]);
  mapSecrets(params, (secret) => given.push(secret.reveal()));
  return [...new Set(given.flatMap((secret) => [secret, encodeURIComponent(secret)]))].filter(
    ({ length }) => length >= 6,
  );
}

function outgoing(request: PveRequest, headers: Outgoing['headers'], timeout: number): Outgoing {
  const { method, path, params, signal } = request;
  const name = `${method} ${path}`;
  if (!/^\/[^?#\s]*$/.test(path))
    throw new AgentError('INTERNAL', `${name} is not a path; parameters have their own place.`);
  const encoded = encodeParams(params);
  const hide = secretsOf(params, headers);
  const common = { method, name, timeout, hide, ...(signal === undefined ? {} : { signal }) };
  // FACTS 12: PVE refuses a body on DELETE.
  if (method === 'GET' || method === 'DELETE') {
    return { ...common, headers, target: `/api2/json${path}${encoded === '' ? '' : `?${encoded}`}` };
  }
  const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
  return { ...common, headers: form, target: `/api2/json${path}`, body: encoded };
}

/**
 * Sends to the endpoint that answered last, and to the next ones while nothing has been sent: no connection, or a
 * node that cannot reach the one the path names (595), which another may. All within the call's one time-out, which is
 * the network's own time and not the `Clock`'s: a clock that jumps must not cut real connections.
 */
function createFailover(endpoints: readonly Endpoint[]): (outgoing: Outgoing) => Promise<RawResponse> {
  let good = 0;
  return async (outgoing) => {
    const expiry = AbortSignal.timeout(outgoing.timeout);
    const first = good;
    let lost: RawResponse | undefined;
    let failure: unknown;
    for (let offset = 0; offset < endpoints.length; offset++) {
      const index = (first + offset) % endpoints.length;
      try {
        const answer = await exchange(dispatcherFor(endpoints[index], outgoing), outgoing, expiry);
        if (answer.status !== 595 || proxySent(outgoing.method, answer) === 'maybe') {
          good = index;
          return answer;
        }
        lost = answer;
      } catch (error) {
        if (kindOf(error) === 'cancelled') throw error;
        // It may be slow or gone: the next call begins elsewhere. This one ends here unless nothing of it has left.
        good = (index + 1) % endpoints.length;
        if (sentOf(error) === 'maybe') throw error;
        failure ??= error;
      }
    }
    if (lost !== undefined) return lost;
    throw failure;
  };
}

function dispatcherFor(endpoint: Endpoint | undefined, { method }: Outgoing): Dispatcher {
  if (endpoint === undefined) throw new AgentError('INTERNAL', 'no endpoint');
  return method === 'GET' ? endpoint.reads : endpoint.writes;
}
