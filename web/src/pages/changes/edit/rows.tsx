import type { ReactNode } from 'react';
import { Button } from '../../../parts/button.tsx';

interface RowsProps<T> {
  readonly legend: string;
  readonly hint?: string;
  readonly error: string | undefined;
  /** What one row is called: "criterion". */
  readonly one: string;
  readonly rows: readonly T[];
  readonly fresh: T;
  readonly onChange: (rows: readonly T[]) => void;
  /** The fields of a row; `name` says which row it is, for their labels. */
  readonly children: (row: T, change: (next: T) => void, name: string) => ReactNode;
}

/** Entries that are more than a line of text: added, removed and written one by one. */
export function Rows<T>({ legend, hint, error, one, rows, fresh, onChange, children }: RowsProps<T>) {
  const put = (at: number, next: T): void => onChange(rows.map((row, index) => (index === at ? next : row)));
  return (
    <fieldset className="min-w-0">
      <legend className="font-medium">{legend}</legend>
      {hint !== undefined && <p className="mb-1 text-xs text-dim">{hint}</p>}
      {error !== undefined && (
        <p role="alert" className="mb-1 text-bad">
          {error}
        </p>
      )}
      <ol className="mb-2 flex flex-col gap-2">
        {rows.map((row, at) => (
          // Rows have no identity of their own; their place is what they are told apart by.
          <li key={at} className="flex min-w-0 flex-col gap-2 rounded border border-line px-3 py-2">
            {children(row, (next) => put(at, next), `${one} ${at + 1}`)}
            <Button
              look="quiet"
              label={`Remove ${one} ${at + 1}`}
              onClick={() => onChange(rows.filter((_, index) => index !== at))}
            >
              Remove
            </Button>
          </li>
        ))}
      </ol>
      <Button onClick={() => onChange([...rows, fresh])}>
        Add {/^[aeiou]/.test(one) ? 'an' : 'a'} {one}
      </Button>
    </fieldset>
  );
}

interface InputProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly rows?: number;
  readonly inputMode?: 'numeric';
}

/** A small labelled field of a row. */
export const RowInput = ({ label, value, onChange, rows, inputMode }: InputProps) => (
  <label className="flex min-w-0 flex-1 basis-full flex-col gap-0.5 sm:basis-40">
    <span className="text-xs text-dim">{label}</span>
    {rows === undefined ? (
      <input inputMode={inputMode} value={value} onChange={(event) => onChange(event.target.value)} />
    ) : (
      <textarea rows={rows} value={value} onChange={(event) => onChange(event.target.value)} />
    )}
  </label>
);

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, words: string])[];
  readonly onChange: (value: string) => void;
}

export const RowSelect = ({ label, value, options, onChange }: SelectProps) => (
  <label className="flex min-w-0 flex-1 basis-full flex-col gap-0.5 sm:basis-40">
    <span className="text-xs text-dim">{label}</span>
    <select value={value} onChange={(event) => onChange(event.target.value)}>
      {options.map(([one, words]) => (
        <option key={one} value={one}>
          {words}
        </option>
      ))}
    </select>
  </label>
);
