import { useId, type ReactNode } from 'react';

type Look = 'plain' | 'primary' | 'danger' | 'quiet';

const LOOKS: Readonly<Record<Look, string>> = {
  plain: 'border-edge bg-panel text-text hover:bg-sunken',
  primary: 'border-accent-strong bg-accent-strong text-white hover:brightness-110',
  danger: 'border-bad bg-panel text-bad hover:bg-bad-soft',
  quiet: 'border-transparent text-accent hover:bg-accent-soft',
};

export interface ButtonProps {
  readonly children: ReactNode;
  readonly onClick?: (() => void) | undefined;
  readonly look?: Look;
  readonly type?: 'button' | 'submit';
  readonly busy?: boolean;
  /** Why it cannot be pressed now; shown as text beside it, because a touch screen has no tooltips. */
  readonly disabledBecause?: string | undefined;
  /** False where the same reason stands beside another button already. */
  readonly reasonShown?: boolean;
  readonly label?: string | undefined;
  readonly title?: string | undefined;
}

/** A button that is disabled stays reachable with the keyboard, so that its reason can be read. */
export function Button({
  children,
  onClick,
  look = 'plain',
  type = 'button',
  busy = false,
  disabledBecause,
  reasonShown = true,
  label,
  title,
}: ButtonProps) {
  const reason = useId();
  const off = disabledBecause !== undefined || busy;
  return (
    <span className="inline-flex max-w-full flex-wrap items-center gap-x-2 gap-y-1">
      <button
        type={type}
        data-look={look}
        aria-disabled={off || undefined}
        aria-busy={busy || undefined}
        aria-label={label}
        aria-describedby={disabledBecause === undefined ? undefined : reason}
        title={disabledBecause ?? title}
        onClick={(event) => {
          if (off) event.preventDefault();
          else onClick?.();
        }}
        className={`inline-flex min-h-[2.15rem] items-center gap-1.5 rounded border font-medium whitespace-nowrap ${look === 'quiet' ? 'px-2' : 'px-3'} ${LOOKS[look]} ${off ? 'cursor-not-allowed opacity-55' : ''}`}
      >
        {children}
        {busy && <span aria-hidden="true">…</span>}
      </button>
      {disabledBecause !== undefined && (
        <span id={reason} className={reasonShown ? 'text-xs text-dim' : 'sr-only'}>
          {disabledBecause}
        </span>
      )}
    </span>
  );
}
