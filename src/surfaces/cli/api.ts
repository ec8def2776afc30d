import { AgentError } from '../../kernel/errors.ts';
import { printable } from './printable.ts';
import { RemoteProblem, usage, type Problem } from './problem.ts';
import { version } from './version.ts';

export interface Answer<T> {
  readonly status: number;
  /** As the server sent it, for `--json`. */
  readonly text: string;
  /** Parsed, and safe to show on a terminal. */
  readonly body: T;
}

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * The HTTP API of one server. Errors: `SERVER_UNREACHABLE` when nothing of ours answers there, `RemoteProblem` with the
 * server's own words otherwise.
 */
export class Api {
  readonly server: string;
  readonly #token: string | undefined;

  constructor(server: string, token: string | undefined) {
    if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
      throw usage(`"${server}" is not an address of a server; write http://HOST:PORT or https://HOST.`);
    }
    this.server = server.replace(/\/+$/, '');
    this.#token = token;
  }

  /** The same server with another token. */
  as(token: string): Api {
    return new Api(this.server, token);
  }

  get<T>(path: string, options: CallOptions = {}): Promise<Answer<T>> {
    return this.#call<T>('GET', path, undefined, options);
  }

  post<T>(path: string, body: unknown = {}, options: CallOptions = {}): Promise<Answer<T>> {
    return this.#call<T>('POST', path, body, options);
  }

  put<T>(path: string, body: unknown): Promise<Answer<T>> {
    return this.#call<T>('PUT', path, body, {});
  }

  patch<T>(path: string, body: unknown): Promise<Answer<T>> {
    return this.#call<T>('PATCH', path, body, {});
  }

  delete<T>(path: string): Promise<Answer<T>> {
    return this.#call<T>('DELETE', path, undefined, {});
  }

  /** An answer whose body is read piece by piece. Errors as every call. */
  async open(path: string, accept: string, options: CallOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send('GET', path, undefined, {
      ...options,
      headers: { Accept: accept, ...options.headers },
    });
    if (!response.ok) throw await this.#refusal(response);
    return pieces(response, this.server);
  }

  async #call<T>(method: string, path: string, body: unknown, options: CallOptions): Promise<Answer<T>> {
    const response = await this.#send(method, path, body, options);
    if (!response.ok) throw await this.#refusal(response);
    const text = await this.#text(response);
    return {
      status: response.status,
      text,
      body: (text === '' ? undefined : printable(this.#parse(text, response))) as T,
    };
  }

  async #send(
    method: string,
    path: string,
    body: unknown,
    { query = {}, headers = {}, signal }: CallOptions,
  ): Promise<Response> {
    const url = new URL(this.server + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    try {
      return await fetch(url, {
        method,
        // A redirect means that something else stands in between (a sign-in page); the token is not for it.
        redirect: 'error',
        headers: {
          Accept: 'application/json, application/problem+json',
          'User-Agent': `proxmox-agent-cli/${version()}`,
          // The audit log tells by which way somebody came.
          'X-Proxmox-Agent-Client': 'cli',
          ...(this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw unreachable(this.server, error);
    }
  }

  async #text(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw unreachable(this.server, error);
    }
  }

  async #refusal(response: Response): Promise<Error> {
    const text = await this.#text(response);
    return new RemoteProblem(response.status, printable(this.#parse(text, response)) as Problem, text);
  }

  #parse(text: string, response: Response): unknown {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      // Not JSON, so not ours; said below.
    }
    const type = response.headers.get('content-type') ?? 'nothing known';
    throw new AgentError(
      'SERVER_UNREACHABLE',
      `${this.server} answered HTTP ${response.status} with ${type}: something else than proxmox-agent stands there.`,
    );
  }
}

async function* pieces(response: Response, server: string): AsyncGenerator<Uint8Array, void, undefined> {
  if (response.body === null) return;
  try {
    yield* response.body;
  } catch (error) {
    throw unreachable(server, error);
  }
}

/** True when the connection was never made: nothing of the request can have arrived. */
export const neverSent = (error: unknown): boolean =>
  error instanceof AgentError &&
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(causeOf(error.details.cause).code ?? '');

function causeOf(error: unknown): { code?: string; message?: string } {
  const cause = (error as { cause?: unknown } | undefined)?.cause as
    | { code?: string; message?: string; errors?: { code?: string; message?: string }[] }
    | undefined;
  // Several addresses of one name were tried: any of them tells why.
  return cause?.errors?.[0] ?? cause ?? {};
}

function unreachable(server: string, error: unknown): AgentError {
  const { code, message } = causeOf(error);
  const why =
    code === 'ECONNREFUSED' ? 'nothing listens there (connection refused)' : (message ?? (error as Error).message);
  return new AgentError('SERVER_UNREACHABLE', `No answer from ${server}: ${why}.`, { cause: error });
}
