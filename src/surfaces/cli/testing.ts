import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { ManualClock, type Clock } from '../../kernel/clock.ts';
import { seededIds, systemIds } from '../../kernel/ids.ts';
import { runCli } from './run.ts';
import type { CliDeps } from './types.ts';

/** For tests: what a command line asked for. */
export interface Received {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** Answers a request; an object is sent as JSON with 200. */
export type Route = (request: Received, response: ServerResponse) => unknown;

/** For tests: a real HTTP server that says what the script says. */
export class ScriptedServer {
  readonly routes: Record<string, Route>;
  readonly received: Received[] = [];
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  constructor(routes: Record<string, Route>) {
    this.routes = routes;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Bodies of the requests to one path, such as `POST /v1/plans`. */
  bodies(route: string): unknown[] {
    return this.received
      .filter(({ method, path }) => `${method} ${path.split('?')[0]}` === route)
      .map(({ body }) => body);
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#answer(request, response));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => {
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  /** As a crash: every connection is cut. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => {
      server.close(resolve);
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { method = '', url = '', headers } = request;
    const received = { method, path: url, headers, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    this.received.push(received);
    const route = this.routes[`${method} ${url.split('?')[0]}`];
    const answer =
      route === undefined
        ? refuse(response, 404, 'NOT_FOUND', `no route ${method} ${url}`)
        : await route(received, response);
    if (answer === undefined || response.writableEnded) return;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  }
}

export function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  detail: string,
  more: object = {},
): undefined {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ code, title: 'Title', status, detail, correlation_id: 'c-1', ...more }));
}

export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly server?: ScriptedServer;
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  /** Given to the standard input: at once, or keys to press when the question is there. */
  readonly stdin?: string;
  readonly deps?: CliDeps;
  readonly clock?: Clock;
  readonly home?: string;
}

export const TOKEN = 'pxa_test-token-that-nobody-may-see';
export const NOW = Date.UTC(2026, 0, 1);

/** Waits for as long as it takes: a sleep is over when whoever tests lets it be; a watchdog never barks. */
export class QuickClock extends ManualClock {
  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms < 30_000) return super.sleep(ms, signal);
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }
}

/** For tests: runs one command line and keeps what it wrote. */
export async function run(argv: string[], options: RunOptions = {}): Promise<Ran> {
  const { server, env = {}, tty = false, stdin = '', home = '/nonexistent' } = options;
  const written = { out: '', err: '' };
  const stream = (key: 'out' | 'err', onWrite: () => void = () => {}): PassThrough => {
    const through = new PassThrough();
    through.on('data', (chunk: Buffer) => {
      written[key] += chunk.toString();
      onWrite();
    });
    return Object.assign(through, { columns: 80 });
  };
  const input = new PassThrough();
  let pressed = false;
  const press = (): void => {
    if (pressed || !tty) return;
    pressed = true;
    setImmediate(() => input.write(stdin));
  };
  if (!tty) input.end(stdin);
  const clock = options.clock ?? new QuickClock(NOW);
  const io = {
    stdout: stream('out'),
    stderr: stream('err', () =>
      written.err.includes('?') || written.err.includes('token') || written.err.includes('Value for')
        ? press()
        : undefined,
    ),
    stdin: input,
    env: {
      HOME: home,
      PROXMOX_AGENT_TOKEN: TOKEN,
      ...(server === undefined ? {} : { PROXMOX_AGENT_URL: server.url }),
      ...env,
    },
    isTTY: tty,
  };
  // A real server has to tell one command line from the next.
  const ids = server === undefined ? systemIds(clock) : seededIds('cli', clock);
  const exit = await runCli(argv, io, { clock, ids, ...options.deps });
  // What was written last has to arrive.
  await new Promise((resolve) => setImmediate(resolve));
  return { exit, ...written };
}

export function temporaryFolder(): { path: string; end(): void } {
  const path = mkdtempSync(join(tmpdir(), 'proxmox-agent-cli-'));
  return { path, end: () => rmSync(path, { recursive: true, force: true }) };
}
