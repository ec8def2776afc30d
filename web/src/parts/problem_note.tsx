import { Problem } from '../api/client.ts';
import { Button } from './button.tsx';
import { problemWords } from './problem_words.ts';

interface ProblemNoteProps {
  readonly error: Error;
  /** What did not work, as a sentence without its full stop. */
  readonly what?: string;
  readonly onRetry?: () => void;
  /** Fields whose errors the form shows beside them; those of all others are listed here. */
  readonly placed?: readonly string[];
  /** Errors of fields that are to be listed, where the form itself has put them into words. */
  readonly leftover?: readonly string[];
}

/** Says what went wrong, in the server's words, and what to do. */
export function ProblemNote({ error, what, onRetry, placed = [], leftover }: ProblemNoteProps) {
  const problem = error instanceof Problem ? error : undefined;
  const { head, detail, fields } = problemWords(error, what, placed);
  const listed = leftover ?? fields;
  return (
    <div role="alert" className="mb-2 rounded-md border border-bad bg-bad-soft px-3 py-2">
      <p className="font-medium text-bad first-letter:uppercase">{head}.</p>
      {detail !== undefined && <p>{detail}</p>}
      {listed.length > 0 && (
        <ul className="list-disc pl-5">
          {listed.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      {problem?.advice !== undefined && <p className="text-dim">{problem.advice}</p>}
      {problem !== undefined && (
        <p className="mt-1 font-mono text-xs break-all text-dim">
          {problem.code}
          {problem.correlation_id !== undefined && ` · ${problem.correlation_id}`}
        </p>
      )}
      {onRetry !== undefined && (
        <div className="mt-2">
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </div>
  );
}
