import type { Change } from '../../api/change_types.ts';
import { Chip, RiskChip, StateChip, type Tone } from '../../parts/chip.tsx';

const CATEGORY_TONES: Readonly<Record<string, Tone>> = { emergency: 'bad', standard: 'ok' };

/** Where a change stands, what kind it is, and whether somebody is late. */
export const ChangeChips = ({ change: { status, category, risk, review } }: { change: Change }) => (
  <span className="inline-flex flex-wrap gap-1.5">
    <StateChip state={status} />
    <Chip tone={CATEGORY_TONES[category] ?? 'none'}>{category}</Chip>
    <RiskChip level={risk.level} />
    {review !== undefined && review.done === undefined && (
      <Chip tone={review.overdue ? 'bad' : 'warn'}>{review.overdue ? 'review overdue' : 'review due'}</Chip>
    )}
  </span>
);
