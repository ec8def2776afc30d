import { Link } from '@tanstack/react-router';
import { useOverdueReviews } from '../../api/change_queries.ts';
import { count } from '../../parts/format.ts';

/** A line for emergencies that nobody has reviewed in time; nothing while there are none. */
export function OverdueReviews() {
  const late = useOverdueReviews().data?.changes ?? [];
  if (late.length === 0) return null;
  return (
    <p role="status" className="rounded-md border border-bad bg-bad-soft px-3 py-2">
      <strong className="text-bad">{count(late.length, 'review')} overdue:</strong>{' '}
      {late.map(({ id, title }, at) => (
        <span key={id}>
          {at > 0 && ', '}
          <Link to="/changes" search={{ change: id }} className="text-accent underline">
            {id} {title}
          </Link>
        </span>
      ))}
    </p>
  );
}
