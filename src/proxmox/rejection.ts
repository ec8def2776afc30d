import { AgentError } from '../kernel/errors.ts';
import { type Sent, unreachable } from './failures.ts';
import { record, text } from './lenient.ts';
import type { HttpMethod, PveRequest, RawResponse } from './types.ts';

/** `details.more.pve` of a `PVE_REJECTED`: PVE's own words. */
export interface PveWords {
  readonly status: number;
  readonly message: string;
  readonly errors?: Readonly<Record<string, string>>;
}

/** The `pve` of an error, or undefined where it is none of PVE's. */
export const pveWords = (error: unknown): PveWords | undefined =>
  error instanceof AgentError ? (error.details.more?.['pve'] as PveWords | undefined) : undefined;

/**
 * Whether a request was executed for which pveproxy answered 595 to 599. It gives 595 while connecting to the other
 * node or to its own daemon, so nothing went on; for a reason that does not sound like connecting a write stays in
 * doubt. 596 and above come after it connected, even for a broken pipe of a call that was carried out (FACTS 8), except
 * when the two nodes did not get through TLS.
 */
export function proxySent(method: HttpMethod, { status, reason }: RawResponse): Sent {
  if (status === 595) return method === 'GET' || CONNECT_REASON.test(reason) ? 'no' : 'maybe';
  return TLS_REASON.test(reason) ? 'no' : 'maybe';
}

const CONNECT_REASON = /timed out|no route|refused|unreachable|host is down|not known|name or service|lookup/i;
const TLS_REASON = /certificate verify failed|tls_process_server_certificate|ssl3_get_server_certificate/i;

/** The error of an answer that is not a 2xx of PVE: `PVE_UNREACHABLE` where no PVE answered, else `PVE_REJECTED`. */
export function toError(request: PveRequest, response: RawResponse): AgentError {
  const { status, reason } = response;
  const name = `${request.method} ${request.path}`;
  const pve = wordsOf(response);
  if (status >= 595 && status <= 599) {
    const seen = `a node could not be reached by the one that was asked (${status} ${reason})`;
    return unreachable(name, { sent: proxySent(request.method, response), kind: 'proxy', reason: seen, more: { pve } });
  }
  // PVE itself never answers these without JSON: something in front of it does, and whether it passed the call on is open.
  if ((status >= 502 && status <= 504 && !isJson(response)) || (status >= 200 && status < 300)) {
    const seen = `the answer is not one of Proxmox VE (${status} ${reason})`;
    return unreachable(name, { sent: 'maybe', kind: 'proxy', reason: seen, more: { pve } });
  }
  const fields = Object.entries(pve.errors ?? {});
  const readable =
    fields.length === 0 ? pve.message : `${pve.message} ${fields.map(([key, value]) => `${key}: ${value}`).join('; ')}`;
  return new AgentError('PVE_REJECTED', `Proxmox VE answered ${status} to ${name}: ${readable}`, {
    ...(pve.errors === undefined ? {} : { errors: pve.errors }),
    more: { pve },
  });
}

/** Whether the body is an object of PVE's. */
export const isJson = ({ body }: RawResponse): boolean =>
  body !== null && typeof body === 'object' && !Array.isArray(body);

function wordsOf({ status, reason, body }: RawResponse): PveWords {
  const { message, errors } = record(body);
  // FACTS 1 and 2: a 401 has nothing but its reason phrase; elsewhere the message is whole and the phrase its first line.
  const words = (text(message) ?? (typeof body === 'string' ? body.slice(0, 500) : '')).trimEnd();
  const fields = Object.entries(record(errors)).map(
    ([key, value]) => [key, (text(value) ?? JSON.stringify(value)).trimEnd()] as const,
  );
  return {
    status,
    message: words === '' ? reason : words,
    // Their order changes from call to call (FACTS 39).
    ...(fields.length === 0 ? {} : { errors: Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1))) }),
  };
}
