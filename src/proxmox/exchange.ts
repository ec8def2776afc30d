import type { Dispatcher } from 'undici';
import { REDACTED } from '../kernel/secret.ts';
import { connectFailure, cutFailure, type Failure, unreachable } from './failures.ts';
import type { HttpMethod, RawResponse } from './types.ts';

/** One HTTP request, ready to be written. */
export interface Outgoing {
  readonly method: HttpMethod;
  /** With query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds for all attempts together. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** How errors name the request: method and path, never parameters. */
  readonly name: string;
  /** Secrets that the request carries; a refusal is searched for them. */
  readonly hide?: readonly string[];
}

/**
 * One request, at most once, on one endpoint, until `expiry` fires. Redirects are answers like any other. Rejects with
 * `PVE_UNREACHABLE`.
 */
export function exchange(dispatcher: Dispatcher, outgoing: Outgoing, expiry: AbortSignal): Promise<RawResponse> {
  const { method, target, headers, body, timeout, signal } = outgoing;
  return new Promise((resolve, reject) => {
    const call = new Call(outgoing, resolve, reject);
    if (signal?.aborted === true) return call.giveUp(cancelled(signal));
    if (expiry.aborted) return call.giveUp(timedOut(timeout));
    const onExpiry = (): void => call.giveUp(timedOut(timeout));
    const onAbort = (): void => call.giveUp(cancelled(signal));
    expiry.addEventListener('abort', onExpiry);
    signal?.addEventListener('abort', onAbort);
    call.onSettled = () => {
      expiry.removeEventListener('abort', onExpiry);
      signal?.removeEventListener('abort', onAbort);
    };
    try {
      dispatcher.dispatch(
        { method, path: target, headers, body: body ?? null, headersTimeout: 0, bodyTimeout: 0 },
        call,
      );
    } catch (error) {
      call.giveUp(() => connectFailure(error));
    }
  });
}

/** `/cluster/resources` of the largest clusters has a few MB; what has more than this is no answer of PVE's. */
const MAX_BYTES = 64 * 2 ** 20;
const TOO_LARGE: Failure = {
  sent: 'maybe',
  kind: 'cut',
  reason: 'an answer of more than 64 MiB, which was not read on',
};

type Explain = (sent: boolean) => Failure;

const timedOut =
  (timeout: number): Explain =>
  (sent) => ({
    sent: sent ? 'maybe' : 'no',
    kind: sent ? 'timeout' : 'connect',
    reason: sent ? `no complete answer within ${timeout} ms` : `no connection within ${timeout} ms`,
  });

const cancelled =
  (signal: AbortSignal | undefined): Explain =>
  (sent) => ({
    sent: sent ? 'maybe' : 'no',
    kind: 'cancelled',
    reason: 'the call was cancelled',
    cause: signal?.reason,
  });

/** What undici tells about one request. `onRequestStart` comes right before the first byte is written. */
class Call implements Dispatcher.DispatchHandler {
  onSettled: () => void = () => undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #reason = '';
  readonly #chunks: Buffer[] = [];
  readonly #outgoing: Outgoing;
  #bytes = 0;
  readonly #resolve: (response: RawResponse) => void;
  readonly #reject: (error: Error) => void;

  constructor(outgoing: Outgoing, resolve: (response: RawResponse) => void, reject: (error: Error) => void) {
    this.#outgoing = outgoing;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  giveUp(explain: Explain): void {
    if (this.#settled) return;
    const failure = explain(this.#controller !== undefined);
    this.#settle(() => this.#reject(unreachable(this.#outgoing.name, failure)));
    this.#controller?.abort(new Error(failure.reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while it waited for a connection: aborted here, nothing of it is written.
    if (this.#settled) return controller.abort(new Error('given up before it was sent'));
    // undici puts a request back into its queue after some kinds of cut; a write must never go out twice.
    if (this.#controller !== undefined) return controller.abort(new Error('it would have been sent again'));
    this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, _headers: object, reason = ''): void {
    this.#status = status;
    this.#reason = reason;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_BYTES) return this.giveUp(() => TOO_LARGE);
    this.#chunks.push(chunk);
    return undefined;
  }

  onResponseEnd(): void {
    const text = Buffer.concat(this.#chunks).toString('utf8');
    const body = parseBody(this.#hide(text));
    this.#settle(() => this.#resolve({ status: this.#status, reason: this.#hide(this.#reason), body }));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.giveUp((sent) => (sent ? cutFailure(error) : connectFailure(error)));
  }

  /** A refusal that echoes what it was sent (some proxies do) must not carry our secrets on. */
  #hide(text: string): string {
    if (this.#status < 400) return text;
    return (this.#outgoing.hide ?? []).reduce((hidden, secret) => hidden.replaceAll(secret, REDACTED), text);
  }

  #settle(finish: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.onSettled();
    finish();
  }
}

function parseBody(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
