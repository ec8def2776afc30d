import { percent } from './format.ts';

interface BarProps {
  /** 0 to 1; undefined while how far it is cannot be known. */
  readonly share: number | undefined;
  readonly label: string;
  readonly tone?: 'none' | 'accent' | 'warn' | 'bad';
}

const TONES = { none: 'text-edge', accent: 'text-accent', warn: 'text-warn', bad: 'text-bad' } as const;

export const Bar = ({ share, label, tone = 'none' }: BarProps) => (
  <progress
    className={`bar ${TONES[tone]}`}
    aria-label={label}
    max={1}
    {...(share === undefined ? {} : { value: Math.min(1, Math.max(0, share)) })}
  />
);

/** Use of a resource: figure, bar, and a colour only when it is nearly full. */
export function Usage({ share, label, detail }: { share: number; label: string; detail: string }) {
  return (
    <div className="w-full sm:min-w-28" title={detail}>
      <div className="flex justify-between gap-2 whitespace-nowrap text-xs text-dim tabular-nums">
        <span>{percent(share)}</span>
        <span>{detail}</span>
      </div>
      <Bar share={share} label={label} tone={share >= 0.95 ? 'bad' : share >= 0.85 ? 'warn' : 'none'} />
    </div>
  );
}
