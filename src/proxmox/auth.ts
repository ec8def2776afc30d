import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { kindOf, sentOf, unreachable } from './failures.ts';
import { record, text } from './lenient.ts';
import type { HttpMethod, RawResponse, Transport } from './types.ts';

/** An API token, or a user with a password for which tickets are fetched and renewed. */
export type PveAuth =
  | { readonly token: { readonly id: string; readonly secret: Secret } }
  | { readonly ticket: { readonly username: string; readonly password: Secret } };

/** The user of the UPIDs that calls with these credentials start. */
export const principalOf = (auth: PveAuth): string => ('token' in auth ? auth.token.id : auth.ticket.username);

/** Headers that prove who calls, or PVE's answer that refused the login. */
export type Credentials = { readonly headers: Readonly<Record<string, string>> } | { readonly refused: RawResponse };

/** Holds the secrets of one environment; what it hands out goes only into requests of the same transport. */
export interface Authenticator {
  headers(method: HttpMethod): Promise<Credentials>;
  /** PVE answered 401 to these headers. True when the call is worth sending once more with fresh ones. */
  refused(headers: Readonly<Record<string, string>>): boolean;
}

/** A ticket lives two hours; a call that starts just before must not meet its end. */
const TICKET_MS = 105 * 60_000;

/** `send` carries the login without credentials. Errors: `CONFIGURATION_INVALID` for what cannot stand in a header. */
export function createAuthenticator(auth: PveAuth, send: Transport, clock: Clock): Authenticator {
  if ('ticket' in auth) return ticketAuthenticator(auth.ticket, send, clock);
  const { id, secret } = auth.token;
  if (!/^[^\s@!=:/]+@[\w.-]+![\w.-]+$/.test(id)) {
    throw new AgentError('CONFIGURATION_INVALID', `'${id}' is not a token id such as agent@pve!control.`);
  }
  if (!/^[\x21-\x7e]+$/.test(secret.reveal())) {
    throw new AgentError(
      'CONFIGURATION_INVALID',
      `The secret of the token ${id} is empty or holds blanks or characters that no token has.`,
    );
  }
  return {
    headers: () => Promise.resolve({ headers: { authorization: `PVEAPIToken=${id}=${secret.reveal()}` } }),
    refused: () => false,
  };
}

interface Ticket {
  readonly cookie: string;
  readonly csrf: string;
  readonly since: number;
}

function ticketAuthenticator(
  account: { readonly username: string; readonly password: Secret },
  send: Transport,
  clock: Clock,
): Authenticator {
  let held: Ticket | undefined;
  let login: Promise<Ticket | RawResponse> | undefined;
  const obtain = async (): Promise<Ticket | RawResponse> => {
    const since = clock.now();
    const answer = await logIn(account, send);
    if (answer.status !== 200) return answer;
    const data = record(record(answer.body).data);
    const ticket = text(data.ticket);
    // With a second factor PVE hands out half a ticket that only the next step of that login accepts.
    if (ticket === undefined || data.NeedTFA !== undefined || ticket.startsWith('PVE:!')) {
      return { status: 401, reason: 'this user needs a second factor; use an API token instead', body: null };
    }
    held = { cookie: `PVEAuthCookie=${encodeURIComponent(ticket)}`, csrf: text(data.CSRFPreventionToken) ?? '', since };
    return held;
  };
  return {
    async headers(method) {
      const fresh = held !== undefined && clock.now() - held.since < TICKET_MS ? held : undefined;
      // One login for all calls that wait for it.
      const ticket = fresh ?? (await (login ??= obtain().finally(() => (login = undefined))));
      if ('status' in ticket) return { refused: ticket };
      // FACTS 16: everything but GET needs the token against forged requests beside the cookie.
      return { headers: { cookie: ticket.cookie, ...(method === 'GET' ? {} : { csrfpreventiontoken: ticket.csrf }) } };
    },
    refused(headers) {
      if (held?.cookie === headers['cookie']) held = undefined;
      return true;
    },
  };
}

/** However the login failed, the call that needed it was not sent. */
async function logIn(
  account: { readonly username: string; readonly password: Secret },
  send: Transport,
): Promise<RawResponse> {
  try {
    return await send({
      method: 'POST',
      path: '/access/ticket',
      params: { username: account.username, password: account.password },
    });
  } catch (error) {
    if (sentOf(error) === 'no') throw error;
    throw unreachable('The login', {
      sent: 'no',
      kind: kindOf(error) ?? 'cut',
      reason: 'PVE did not answer it',
      cause: error,
    });
  }
}
