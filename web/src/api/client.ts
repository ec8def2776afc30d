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
  /** Everything that the answer says, for members of some problems only. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    const text = (key: string): string | undefined => (typeof body[key] === 'string' ? body[key] : undefined);
    super(text('detail') ?? text('title') ?? `The server answered ${status}.`);
    this.status = status;
    this.body = body;
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
  /** An answer that is text. */
  readonly text: (path: string) => Promise<string>;
  /** `key`: sent again under the same Idempotency-Key, it is done once. */
  readonly post: <T>(path: string, body?: unknown, key?: string) => Promise<T>;
  /** Any other change. An answer without a body is undefined. */
  readonly change: <T>(method: 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) => Promise<T>;
  /** The raw answer, for the event stream. Errors: Problem. */
  readonly open: (path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Response>;
}

/** Talks to the server that served the page. A refused token or cookie ends the session. Errors: Problem. */
export function createClient(session: Session): Client {
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const [token, csrf, caller] = [session.token(), session.csrf(), session.caller()];
    const headers = new Headers(init.headers);
    // So that the audit can tell the page from a program.
    headers.set('x-proxmox-agent-client', 'web');
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    else if (csrf !== undefined && init.method !== undefined) headers.set('x-csrf-token', csrf);
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
    // Only the session that was refused: it may have been replaced meanwhile.
    if (answer.status === 401 && caller !== undefined && session.caller() === caller) {
      session.signOut(
        token === undefined
          ? 'Your session has ended. Sign in again.'
          : 'The server does not accept this token: it has expired, was revoked, or belongs to another server.',
      );
    }
    throw problem;
  };
  const change = async <T>(method: string, path: string, body: unknown, key?: string): Promise<T> => {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const text = await (await send(path, { method, headers, ...json })).text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  return {
    get: async <T>(path: string, signal?: AbortSignal) =>
      (await (await send(path, signal === undefined ? {} : { signal })).json()) as T,
    text: async (path) => (await send(path, {})).text(),
    post: <T>(path: string, body: unknown = {}, key?: string) => change<T>('POST', path, body, key),
    change: <T>(method: string, path: string, body?: unknown) => change<T>(method, path, body),
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
