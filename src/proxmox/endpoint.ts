import { AgentError } from '../kernel/errors.ts';

/**
 * An endpoint as an address with nothing behind the port. http only to this machine itself: a token would otherwise
 * cross the network in the clear. Errors: `CONFIGURATION_INVALID`. The port is PVE's 8006 only when written so.
 */
export function originOf(endpoint: string): URL {
  const refuse = (why: string): never => {
    throw new AgentError('CONFIGURATION_INVALID', `The endpoint '${withoutUser(endpoint)}' ${why}.`);
  };
  if (!URL.canParse(endpoint)) return refuse('is not an address such as https://pve1.example.internal:8006');
  const url = new URL(endpoint);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse('must begin with https://');
  if (url.username !== '' || url.password !== '') return refuse('must not hold credentials');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return refuse('must end after the port');
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return refuse('uses http, which only loopback may');
  return url;
}

// URL has already turned every spelling of an IPv4 address into four plain numbers.
const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);

const withoutUser = (endpoint: string): string => endpoint.replace(/\/\/.*@/, '//');
