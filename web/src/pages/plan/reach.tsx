import type { Plan } from '../../api/types.ts';
import { StateChip } from '../../parts/chip.tsx';
import { Facts } from '../../parts/facts.tsx';

/** So many dependents are named; the rest is a number. */
const SHOWN = 20;
const listed = (names: readonly string[] = []): string => (names.length === 0 ? 'none' : names.join(', '));

/** What the change touches, what depends on that and why, and what kind of change it is. */
export function Reach({ plan: { blast_radius, change_category } }: { plan: Plan }) {
  if (blast_radius === undefined) return <p className="text-dim">Not known.</p>;
  const { guests, services, nodes, score, parts = [], dependents = [], unread = [] } = blast_radius;
  const rest = dependents.length + (blast_radius.dependents_omitted ?? 0) - SHOWN;
  return (
    <div className="flex flex-col gap-1.5">
      <Facts
        facts={[
          ['Guests', listed(guests)],
          ['Services', listed(services)],
          ['Nodes', listed(nodes)],
          [
            'Score',
            parts.length === 0
              ? score
              : `${score} of 100: ${parts.map(({ part, count, points }) => `${count} ${part} (${points})`).join(', ')}`,
          ],
        ]}
      />
      {dependents.length > 0 && (
        <ul className="text-dim">
          {dependents.slice(0, SHOWN).map(({ object, by, why }) => (
            <li key={object}>
              <span className="font-mono text-xs">{object}</span> depends on{' '}
              <span className="font-mono text-xs">{by}</span>: {why}
            </li>
          ))}
          {rest > 0 && <li>and {rest} more</li>}
        </ul>
      )}
      {unread.map((what) => (
        <p key={what}>
          <StateChip state="warn" /> What depends on it may not be complete: {what}
        </p>
      ))}
      {change_category !== undefined && (
        <p>
          {change_category.proposed === 'standard' ? 'A standard change' : 'A normal change'}
          <span className="text-dim">: {change_category.why}</span>
        </p>
      )}
    </div>
  );
}
