import { Problem } from '../api/client.ts';

interface ProblemWords {
  /** Without its full stop. */
  readonly head: string;
  /** Nothing where it would only say the head again. */
  readonly detail: string | undefined;
  /** What is wrong with fields that stand nowhere else on the page. */
  readonly fields: readonly string[];
}

const bare = (text: string): string => text.trim().replace(/\.$/, '').toLowerCase();

/** What to say of an error, nothing of it twice; `placed` are the fields whose errors stand beside them. */
export function problemWords(error: Error, what: string | undefined, placed: readonly string[]): ProblemWords {
  const problem = error instanceof Problem ? error : undefined;
  const head = (what ?? problem?.title ?? 'That did not work').replace(/\.$/, '');
  const fields = Object.entries(problem?.errors ?? {}).flatMap(([field, words]) =>
    placed.includes(field) ? [] : [`${field}: ${words}`],
  );
  return { head, detail: bare(head) === bare(error.message) ? undefined : error.message, fields };
}
