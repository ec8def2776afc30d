import type { IncomingMessage } from 'node:http';
import { checkCsrf, principalOf, readApiToken, readTicket } from '../access/tickets.ts';
import type { Principal } from '../core/call.ts';
import type { World } from '../core/world.ts';

/** A refusal: the words of the 401. */
export interface Refused {
  readonly refused: string;
}

const FAILED: Refused = { refused: 'Authentication failed!' };

/** Who calls. Undefined when nothing was sent that could tell; that may be enough for what the world may see. */
export function authenticate(
  world: World,
  request: IncomingMessage,
  control: boolean,
): Principal | Refused | undefined {
  const { headers, method } = request;
  const as = headers['x-simulator-as'];
  if (control && typeof as === 'string') {
    const csrf = headers.csrfpreventiontoken;
    const principal = principalOf(world, as.replace(/^token:/, '')) ?? FAILED;
    // A CSRF token that is sent must be right, even for a caller that proves nothing else.
    if (typeof csrf === 'string' && 'user' in principal && !checkCsrf(world, principal.user, csrf))
      return { refused: 'Permission denied - invalid csrf token' };
    return principal;
  }
  const { authorization = '' } = headers;
  if (authorization.startsWith('PVEAPIToken'))
    return readApiToken(world, authorization.slice('PVEAPIToken='.length)) ?? FAILED;
  const cookie = /(?:^|;\s*)PVEAuthCookie=([^;]+)/.exec(headers.cookie ?? '')?.[1];
  const ticket = authorization.startsWith('PVEAuthCookie=') ? authorization.slice('PVEAuthCookie='.length) : cookie;
  if (ticket === undefined) return undefined;
  const user = readTicket(world, decode(ticket));
  if (user === undefined) return FAILED;
  const csrf = headers.csrfpreventiontoken;
  if (method !== 'GET' && !(typeof csrf === 'string' && checkCsrf(world, user, csrf)))
    return { refused: 'Permission denied - invalid csrf token' };
  return principalOf(world, user) ?? FAILED;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
