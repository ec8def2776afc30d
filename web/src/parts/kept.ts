import { useCallback, useState } from 'react';
import type { AttemptMemory, OpenAttempts } from '../api/attempts.ts';
import { DRAFTS } from '../api/session.ts';

/*
 * What is being written is kept so that neither a reload nor signing in again loses it; it ends with the tab.
 */

function read<T>(key: string): T | undefined {
  try {
    const text = sessionStorage.getItem(DRAFTS + key);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

function write(key: string, value: unknown): void {
  try {
    if (value === undefined) sessionStorage.removeItem(DRAFTS + key);
    else sessionStorage.setItem(DRAFTS + key, JSON.stringify(value));
  } catch {
    // A full or forbidden storage: what is written lives as long as the page then.
  }
}

/** Attempts whose end is not known, kept as the draft is that they send. */
export const keptAttempts = (key: string): AttemptMemory => ({
  read: () => read<OpenAttempts>(key) ?? {},
  write: (open) => write(key, Object.keys(open).length === 0 ? undefined : open),
});

/** A value that outlives a reload of the page, under a key; undefined until something is set, and after `set(undefined)`. */
export function useKept<T>(key: string): readonly [T | undefined, (value: T | undefined) => void] {
  const [last, setLast] = useState(() => ({ key, value: read<T>(key) }));
  const set = useCallback(
    (value: T | undefined) => {
      write(key, value);
      setLast({ key, value });
    },
    [key],
  );
  return [last.key === key ? last.value : read<T>(key), set];
}
