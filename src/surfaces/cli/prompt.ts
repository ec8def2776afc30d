import { AgentError } from '../../kernel/errors.ts';
import type { Readable, Writable } from 'node:stream';
import type { Io } from './types.ts';

/** What a person may be asked; only on a terminal. */
export interface Prompt {
  /** False for no and for Ctrl-C. */
  confirm(question: string): Promise<boolean>;
  /** Nothing of what is typed is shown. Errors: `VALIDATION_FAILED` when the person gives up. */
  secret(question: string): Promise<string>;
  /** What is typed is shown. Errors: `VALIDATION_FAILED` when the person gives up. */
  text(question: string): Promise<string>;
}

export function clackPrompt(io: Io): Prompt {
  // Questions go where errors go: the standard output stays what was asked for.
  const streams = { input: io.stdin as Readable, output: io.stderr as Writable };
  return {
    async confirm(question) {
      const { confirm, isCancel } = await import('@clack/prompts');
      const answer = await confirm({ message: question, initialValue: false, ...streams });
      return !isCancel(answer) && answer;
    },
    async secret(question) {
      const { isCancel, password } = await import('@clack/prompts');
      const answer = await password({ message: question, ...streams });
      if (isCancel(answer) || answer === undefined || answer === '')
        throw new AgentError('VALIDATION_FAILED', `Nothing was entered for "${question}".`);
      return answer;
    },
    async text(question) {
      const { isCancel, text } = await import('@clack/prompts');
      const answer = await text({ message: question, ...streams });
      if (isCancel(answer) || answer === undefined || answer.trim() === '')
        throw new AgentError('VALIDATION_FAILED', `Nothing was entered for "${question}".`);
      return answer.trim();
    },
  };
}

/** Everything that comes in on the standard input, as text. */
export async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks).toString('utf8');
}
