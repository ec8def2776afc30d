import type { ReactNode } from 'react';
import { ProblemNote } from './problem_note.tsx';

interface SectionProps {
  readonly id: string;
  readonly title: string;
  /** Beside the title: a count, filters. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** One landmark of the page. */
export function Section({ id, title, aside, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`} className="min-w-0">
      <div className="mb-2 flex flex-wrap items-center gap-x-3 gap-y-2">
        <h2 id={`${id}-title`} className="text-[0.95rem] font-semibold">
          {title}
        </h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

export const Panel = ({ children, tone = 'none' }: { children: ReactNode; tone?: 'none' | 'bad' | 'warn' }) => (
  <div
    className={`min-w-0 rounded-md border bg-panel ${tone === 'bad' ? 'border-bad' : tone === 'warn' ? 'border-warn' : 'border-line'}`}
  >
    {children}
  </div>
);

export const Empty = ({ children }: { children: ReactNode }) => (
  <p className="rounded-md border border-dashed border-line px-3 py-2.5 text-dim">{children}</p>
);

interface Readable<T> {
  readonly data: T | undefined;
  readonly error: Error | null;
  readonly isPending: boolean;
  readonly refetch: () => unknown;
}

interface LoadedProps<T> {
  readonly query: Readable<T>;
  readonly what: string;
  readonly children: (data: T) => ReactNode;
}

/** Shows what was read. Old data stays visible under an error, with the error above it. */
export function Loaded<T>({ query, what, children }: LoadedProps<T>) {
  const { data, error, isPending, refetch } = query;
  return (
    <>
      {error !== null && (
        <ProblemNote error={error} what={`${what} could not be read`} onRetry={() => void refetch()} />
      )}
      {data === undefined && error === null && isPending && (
        <div role="status" className="rounded-md border border-line bg-panel px-3 py-2.5 text-dim">
          <progress className="bar mb-2" aria-label={`Reading ${what}`} />
          Reading {what}…
        </div>
      )}
      {data !== undefined && children(data)}
    </>
  );
}
