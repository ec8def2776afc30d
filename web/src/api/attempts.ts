import { Problem, type Client } from './client.ts';

/** What was sent and is not known to be done or refused, with the key that it was sent under. */
export type OpenAttempts = Readonly<Record<string, string>>;
/** Where they are kept: as long as a form is open, or over a reload as well. */
export interface AttemptMemory {
  readonly read: () => OpenAttempts;
  readonly write: (open: OpenAttempts) => void;
}

/** Of one form, for as long as it is open. */
export function formMemory(): AttemptMemory {
  let open: OpenAttempts = {};
  return { read: () => open, write: (next) => void (open = next) };
}

/** What stands in a repeated answer in the place of what is shown only once. */
export const SHOWN_BEFORE = '[redacted]';

/**
 * A client whose POSTs are done once however often they are sent: what is sent again because its answer was lost goes
 * under the same Idempotency-Key. After a success, after a refusal, and for anything else, the key is a new one.
 */
export function withAttempts(client: Client, memory: AttemptMemory, newKey: () => string = randomKey): Client {
  return {
    ...client,
    post: async <T>(path: string, body: unknown = {}) => {
      const what = `${path} ${JSON.stringify(body)}`;
      const key = memory.read()[what] ?? newKey();
      memory.write({ ...memory.read(), [what]: key });
      try {
        const answer = await client.post<T>(path, body, key);
        memory.write({});
        return answer;
      } catch (error) {
        if (isRefusal(error))
          memory.write(Object.fromEntries(Object.entries(memory.read()).filter(([other]) => other !== what)));
        throw error;
      }
    },
  };
}

/** Of who asks, or how often; they tell nothing of an attempt before. */
const OF_THE_CALLER = new Set([401, 403, 408, 429]);

/** Whether it is certain that nothing was done, also by an attempt before this one. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Problem &&
  error.status >= 400 &&
  error.status < 500 &&
  !OF_THE_CALLER.has(error.status) &&
  // The first attempt may still be at work.
  error.code !== 'TARGET_BUSY';

/** 128 bits; `randomUUID` is not there on a page without TLS. */
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
