import { Problem, type Client } from './client.ts';
import { createSseParser } from './sse.ts';

/** An event of the server, such as `operation.running`. */
export interface LiveEvent {
  readonly type: string;
  readonly ids: Readonly<Record<string, unknown>>;
  readonly data: unknown;
}

export type LiveState = 'connecting' | 'live' | 'waiting';

export interface LiveOptions {
  readonly client: Client;
  readonly onEvent: (event: LiveEvent) => void;
  readonly onState: (state: LiveState) => void;
  /** Told when events may have been missed: everything has to be read anew. */
  readonly onGap: () => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;
/** The server sends a comment at least every 15 s or so; a silence of this length is a dead connection. */
const SILENCE_MS = 60_000;

/**
 * Follows `GET /v1/events` until the signal aborts. After a break it goes on behind the last event it saw
 * (`Last-Event-ID`), waiting twice as long each time, up to 20 s.
 */
export async function follow({ client, onEvent, onState, onGap }: LiveOptions, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    onState('connecting');
    try {
      const headers = { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': last }) };
      const fresh = last === undefined;
      await readOne(client, headers, signal, {
        opened: () => {
          wait = FIRST_WAIT_MS;
          onState('live');
          // Without a number to go on from, what happened while the line was down is unknown.
          if (fresh) onGap();
        },
        message: (id, type, data) => {
          if (id !== undefined && id !== '') last = id;
          if (type === 'events.lost') onGap();
          else onEvent(asEvent(type, data));
        },
      });
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return;
    }
    if (signal.aborted) return;
    onState('waiting');
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

interface Readers {
  opened(): void;
  message(id: string | undefined, type: string, data: string): void;
}

async function readOne(
  client: Client,
  headers: Record<string, string>,
  signal: AbortSignal,
  on: Readers,
): Promise<void> {
  const quiet = new AbortController();
  const end = (): void => quiet.abort();
  signal.addEventListener('abort', end);
  let alarm = setTimeout(end, SILENCE_MS);
  try {
    const answer = await client.open('/v1/events', headers, quiet.signal);
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (reader === undefined) return;
    on.opened();
    const parse = createSseParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(alarm);
      alarm = setTimeout(end, SILENCE_MS);
      for (const { id, event, data } of parse(value)) on.message(id, event, data);
    }
  } finally {
    clearTimeout(alarm);
    signal.removeEventListener('abort', end);
  }
}

/** The type stands in the message's `event` or in the body; a body that is not JSON still says that something happened. */
function asEvent(type: string, data: string): LiveEvent {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(data);
    if (parsed !== null && typeof parsed === 'object') body = parsed as Record<string, unknown>;
  } catch {
    body = {};
  }
  const ids = (body['ids'] ?? {}) as Record<string, unknown>;
  const own = typeof body['type'] === 'string' ? body['type'] : undefined;
  return { type: type === 'message' && own !== undefined ? own : type, ids, data: body['data'] ?? body };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
