import { useEffect, useState } from 'react';
import type { Instant } from '../api/types.ts';
import { duration, relative, toMs } from './format.ts';

/** The time now, anew every `every` seconds. */
export function useNow(every = 1): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every * 1000);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** A relative time with the absolute one as its title. */
export function Ago({ at }: { at: Instant | null | undefined }) {
  const now = useNow(5);
  const ms = toMs(at);
  if (ms === undefined) return null;
  return (
    <time dateTime={new Date(ms).toISOString()} title={new Date(ms).toLocaleString()} className="whitespace-nowrap">
      {relative(ms, now)}
    </time>
  );
}

/** How long until `at`; in red when it is close. */
export function Countdown({ at, over = 'expired' }: { at: Instant; over?: string }) {
  const now = useNow();
  const ms = toMs(at);
  if (ms === undefined) return null;
  const left = (ms - now) / 1000;
  return (
    <time
      dateTime={new Date(ms).toISOString()}
      title={new Date(ms).toLocaleString()}
      className={`whitespace-nowrap tabular-nums ${left < 120 ? 'text-bad' : ''}`}
    >
      {left <= 0 ? over : duration(left)}
    </time>
  );
}

/** How long something took, or takes so far. */
export function Elapsed({ from, to }: { from: Instant | null | undefined; to: Instant | null | undefined }) {
  const now = useNow();
  const start = toMs(from);
  if (start === undefined) return null;
  return <span className="whitespace-nowrap tabular-nums">{duration(((toMs(to) ?? now) - start) / 1000)}</span>;
}
