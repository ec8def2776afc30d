import type { ReactNode } from 'react';
import { words } from './format.ts';

export type Tone = 'none' | 'ok' | 'warn' | 'bad' | 'accent';

const TONES: Readonly<Record<Tone, string>> = {
  none: 'border-line text-dim',
  ok: 'border-ok/40 bg-ok-soft text-ok',
  warn: 'border-warn/40 bg-warn-soft text-warn',
  bad: 'border-bad/40 bg-bad-soft text-bad',
  accent: 'border-accent/40 bg-accent-soft text-accent',
};

/** A word with a meaning; the colour repeats what the word says, never more. */
export function Chip({ tone = 'none', title, children }: { tone?: Tone; title?: string; children: ReactNode }) {
  return (
    <span title={title} className={`inline-block rounded border px-1.5 text-xs/5 whitespace-nowrap ${TONES[tone]}`}>
      {children}
    </span>
  );
}

const STATE_TONES: Readonly<Record<string, Tone>> = {
  running: 'accent',
  verifying: 'accent',
  applying: 'accent',
  waiting: 'warn',
  queued: 'none',
  compensating: 'warn',
  needs_attention: 'bad',
  awaiting_approval: 'warn',
  approved: 'ok',
  applied: 'ok',
  done: 'ok',
  pass: 'ok',
  undone: 'ok',
  paused: 'warn',
  skipped: 'warn',
  allow: 'ok',
  require_approval: 'warn',
  deny: 'bad',
  warn: 'warn',
  left: 'warn',
  'in doubt': 'bad',
  failed: 'bad',
  fail: 'bad',
  denied: 'bad',
  expired: 'bad',
  in_progress: 'accent',
  completed: 'ok',
  rolled_back: 'bad',
  rejected: 'bad',
  active: 'ok',
  invited: 'warn',
  disabled: 'bad',
};

/** States of plans, operations, changes, steps, checks and people. */
export const StateChip = ({ state }: { state: string }) => (
  <Chip tone={STATE_TONES[state] ?? 'none'}>{words(state)}</Chip>
);

const RISK_TONES: Readonly<Record<string, Tone>> = { low: 'none', medium: 'warn', high: 'bad' };

export const RiskChip = ({ level }: { level: string }) => <Chip tone={RISK_TONES[level] ?? 'none'}>{level} risk</Chip>;
