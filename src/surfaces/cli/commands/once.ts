import { AgentError } from '../../../kernel/errors.ts';
import { neverSent, type Answer } from '../api.ts';
import type { Context } from '../context.ts';
import { Outage } from '../follow.ts';
import { isPassing, RemoteProblem } from '../problem.ts';

/**
 * A POST that is done once: when its answer is lost it is sent again under the same Idempotency-Key, for up to five
 * minutes. Errors: as every call; `SERVER_UNREACHABLE` at once where nothing of it can have arrived.
 */
export async function postOnce<T>(context: Context, path: string, body: object = {}): Promise<Answer<T>> {
  const headers = { 'Idempotency-Key': (await context.ids()).uuid() };
  const outage = new Outage(context.clock, { say: (text) => context.note(text) });
  for (let sent = false; ;) {
    try {
      const answer = await context.api.post<T>(path, body, { headers });
      outage.answered();
      return answer;
    } catch (error) {
      if (!isPassing(error) || (!sent && isFinal(error))) throw error;
      sent = true;
      await outage.wait(error);
    }
  }
}

/**
 * Of a first attempt: a refusal is an answer, and where no server was from the start nobody waits for one. Later the
 * server may say that it is still at work on the first attempt (`TARGET_BUSY`).
 */
const isFinal = (error: unknown): boolean => error instanceof RemoteProblem || neverSent(error);

/** For what is shown only once, when a repeated answer no longer shows it. `next` is what helps. */
export const lostWithAnswer = (made: string, next: string): AgentError =>
  new AgentError('ANSWER_LOST', `${made}, and the answer that showed it was lost.`, { more: { usage: next } });
