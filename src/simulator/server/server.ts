import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import { errorResponse, type SimRequest, type SimResponse } from '../core/dispatch.ts';
import type { Simulator } from '../simulator.ts';
import { authenticate } from './authenticate.ts';
import { BadRequest, readBody, readParams, readUpload, UPLOAD } from './body.ts';
import type { MultipartReader } from './multipart.ts';
import type { Certificate } from './certificate.ts';
import { Pace, type Speed } from './clock.ts';
import { control } from './control.ts';
import type { Change } from './state-file.ts';

export interface ServerOptions {
  readonly simulator: Simulator;
  readonly clock: Clock;
  readonly speed: Speed;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly certificate?: Certificate;
  /** Opens /_simulator and the header that names the caller. */
  readonly control: boolean;
  /** Told of everything that may change the cluster, right before it is carried out. */
  readonly onChange?: (change: Change) => void;
}

export interface RunningServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A 401 comes this long after its request (FACTS 1). */
const UNAUTHENTICATED_MS = 3_000;

const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && /^(?:127\.|::1$|::ffff:127\.)/.test(address);

/** Serves PVE's API over HTTP, by PVE's habits: what is in the status line, when the connection closes. */
class ApiServer {
  readonly #options: ServerOptions;
  readonly #pace: Pace;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#pace = new Pace(options.simulator, options.clock, options.speed);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path, query] = splitOnce(request.url ?? '/', '?');
    if (path.startsWith('/_simulator/')) return this.#control(request, response, path.slice('/_simulator/'.length));
    const [, format, below] = /^\/api2\/([^/]+)(\/.*)?$/.exec(path) ?? [];
    if (format === undefined) return send(response, { status: 404, reason: 'not found', body: null });
    // An unknown formatter: the connection just closes (FACTS 9).
    if (format !== 'json' && format !== 'extjs') return void request.socket.destroy();
    const answer = await this.#answer(request, below ?? '/', query);
    if (answer.status === 0) return void request.socket.destroy();
    send(response, format === 'extjs' ? asExtJs(answer) : answer);
  }

  async #answer(request: IncomingMessage, path: string, query: string): Promise<SimResponse> {
    const { simulator, clock } = this.#options;
    const method = request.method ?? 'GET';
    try {
      const upload = UPLOAD.test(path) ? await readUpload(request) : undefined;
      const body = upload === undefined ? await readBody(request) : '';
      const started = clock.now();
      this.#pace.catchUp();
      const caller = authenticate(simulator.world, request, this.#options.control);
      if (caller !== undefined && 'refused' in caller)
        return await this.#delayed(started, { status: 401, reason: caller.refused, body: null });
      const params = readParams(method, query, body, request.headers['content-type']);
      const call = this.#asRequest({ method, path, params, principal: caller?.name ?? '' }, upload);
      const { result, hold } = this.#pace.run(() => {
        if (method !== 'GET') this.#options.onChange?.({ call });
        return simulator.handleAs(call, caller);
      });
      const wait = hold + (result.delay_ms ?? 0);
      if (wait > 0) await clock.sleep(wait);
      return result.status === 401 ? await this.#delayed(started, result) : result;
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      const { status, message, shape } = error;
      return {
        status,
        reason: message,
        body: shape === 'json' ? { data: null, message: `${message}\n` } : shape === 'text' ? message : null,
      };
    }
  }

  /** The fields of a form with a file are parameters like others. */
  #asRequest(request: SimRequest, upload: MultipartReader | undefined): SimRequest {
    if (upload === undefined) return request;
    const file = upload.upload(this.#options.simulator.world.uuid().replaceAll('-', ''));
    const params = { ...request.params, ...upload.fields };
    return { ...request, params, ...(file === undefined ? {} : { upload: file }) };
  }

  async #delayed(started: number, response: SimResponse): Promise<SimResponse> {
    const { clock, control: open } = this.#options;
    if (this.#pace.real && !open) await clock.sleep(Math.max(0, started + UNAUTHENTICATED_MS - clock.now()));
    return response;
  }

  async #control(request: IncomingMessage, response: ServerResponse, what: string): Promise<void> {
    if (!this.#options.control || !isLoopback(request.socket.remoteAddress))
      return send(response, { status: 404, reason: 'not found', body: null });
    const refuse = (error: string): void => send(response, { status: 400, reason: 'Bad Request', body: { error } });
    const text = await readBody(request).catch((error: unknown) => {
      if (!(error instanceof BadRequest)) throw error;
      return undefined;
    });
    if (text === undefined) return refuse('the body is too large');
    this.#pace.catchUp();
    const body = text === '' ? {} : parseObject(text);
    if (body === undefined) return refuse('the body is not a JSON object');
    const method = request.method ?? 'GET';
    if (method !== 'GET') this.#options.onChange?.({ control: { method, what, body } });
    const answer = control(this.#options.simulator, method, what, body);
    send(response, { ...answer, reason: answer.status === 200 ? 'OK' : 'Bad Request' });
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** ExtJS always gets a 200; what happened is in the body, the status of a parameter error as a text (FACTS 9). */
function asExtJs({ status, body, reason }: SimResponse): SimResponse {
  if (status === 401 || body === null || typeof body === 'string') return { status, reason, body };
  const success = status === 200 ? 1 : 0;
  const extra = success === 1 ? {} : { status: status === 400 ? '400' : status };
  return { status: 200, reason: 'OK', body: { ...(body as object), success, ...extra } };
}

/** A reason may hold only what a status line can; PVE's own answers break on more (FACTS 8). */
const printable = (reason: string): string => reason.replaceAll(/[^\t\u0020-\u007e]/g, '?');

function send(response: ServerResponse, { status, reason, body }: SimResponse): void {
  response.statusMessage = printable(reason);
  response.statusCode = status;
  response.setHeader('Cache-Control', 'max-age=0');
  response.setHeader('Server', 'pve-api-daemon/3.0');
  if (status >= 400) response.setHeader('Connection', 'close');
  if (body === null) return void response.end();
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.setHeader('Content-Type', typeof body === 'string' ? 'text/plain' : 'application/json;charset=UTF-8');
  response.end(text);
}

/** Starts listening; resolves when the port is open, rejects when it cannot be. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const api = new ApiServer(options);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    api.handle(request, response).catch((error: unknown) => {
      // The caller may be gone, or sent what nobody has thought of; the server goes on for the others either way.
      if (response.headersSent || request.socket.destroyed) response.destroy();
      else send(response, errorResponse(error));
    });
  };
  const { certificate, host, port } = options;
  const server: Server =
    certificate === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ key: certificate.key, cert: certificate.cert }, listener);
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://${shown}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
