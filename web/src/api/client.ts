import type { Session } from './session.ts';

/** An answer that is not a success, as `application/problem+json` tells it. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly advice: string | undefined;
  /** Dotted field name to what is wrong with it. */
  readonly errors: Readonly<Record<string, string>>;
  readonly plan_id: string | undefined;
  readonly correlation_id: string | undefined;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    const text = (key: string): string | undefined => (typeof body[key] === 'string' ? body[key] : undefined);
    super(text('detail') ?? text('title') ?? `The server answered ${status}.`);
    this.status = status;
    this.code = text('code') ?? `HTTP ${status}`;
    this.title = text('title') ?? 'The request did not succeed';
    this.advice = text('advice');
    this.errors = fieldErrors(body['errors']);
    this.plan_id = text('plan_id');
    this.correlation_id = text('correlation_id');
  }
}

function fieldErrors(errors: unknown): Record<string, string> {
  if (errors === null || typeof errors !== 'object') return {};
  return Object.fromEntries(
    Object.entries(errors).map(([field, what]) => [field, Array.isArray(what) ? what.join('; ') : String(what)]),
  );
}

export interface Client {
  readonly get: <T>(path: string, signal?: AbortSignal) => Promise<T>;
  readonly post: <T>(path: string, body?: unknown) => Promise<T>;
  readonly remove: <T>(path: string) => Promise<T>;
  /** The raw answer, for the event stream. Errors: Problem. */
  readonly open: (path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Response>;
}

/** Talks to the server that served the page. A refused token ends the session. Errors: Problem. */
export function createClient(session: Session): Client {
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const token = session.token();
    const headers = new Headers(init.headers);
    // So that the audit can tell the page from a program.
    headers.set('x-proxmox-agent-client', 'web');
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    const answer = await fetch(path, { ...init, headers, credentials: 'same-origin' }).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new Problem(0, {
        code: 'SERVER_UNREACHABLE',
        title: 'The proxmox-agent server does not answer',
        detail: 'The server does not answer. The page tries again by itself.',
      });
    });
    if (answer.ok) return answer;
    const problem = new Problem(answer.status, await bodyOf(answer));
    // Only the session that the refused token belongs to: it may have been replaced meanwhile.
    if (answer.status === 401 && token !== undefined && session.token() === token) {
      session.signOut(
        'The server does not accept this token: it has expired, was revoked, or belongs to another server.',
      );
    }
    throw problem;
  };
  return {
    get: async <T>(path: string, signal?: AbortSignal) =>
      (await (await send(path, signal === undefined ? {} : { signal })).json()) as T,
    post: async <T>(path: string, body: unknown = {}) => {
      const headers = { 'content-type': 'application/json' };
      return (await (await send(path, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as T;
    },
    remove: async <T>(path: string) => (await (await send(path, { method: 'DELETE' })).json()) as T,
    open: (path, headers, signal) => send(path, { headers, signal, cache: 'no-store' }),
  };
}

/** A proxy between may answer with anything; then the status alone has to do. */
async function bodyOf(answer: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await answer.json();
    return body !== null && typeof body === 'object' ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
