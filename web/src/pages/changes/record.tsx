import { Link, useNavigate } from '@tanstack/react-router';
import { useChange } from '../../api/change_queries.ts';
import type { Change } from '../../api/change_types.ts';
import { useMe } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { StateChip } from '../../parts/chip.tsx';
import { Facts } from '../../parts/facts.tsx';
import { nameOf, words } from '../../parts/format.ts';
import { Loaded } from '../../parts/section.tsx';
import { Ago } from '../../parts/time.tsx';
import { Part } from '../plan/part.tsx';
import { ChangeChips } from './chips.tsx';
import { Criteria } from './criteria.tsx';
import { Evidence } from './evidence.tsx';
import { ExportButton } from './export.tsx';
import { whyNotEdit } from './may.ts';
import { Lines, Prose } from './words.tsx';
import { Review } from './review.tsx';
import { Steps } from './steps.tsx';

/** One change with everything that is known of it, and what can be done with it. */
export function ChangeRecord({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useChange(id);
  return (
    <article aria-label={`Change ${id}`} className="flex min-w-0 flex-col gap-5">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <span className="-ml-2">
          <Button look="quiet" onClick={onClose}>
            All changes
          </Button>
        </span>
        <span className="flex flex-wrap items-center gap-2">
          {query.data !== undefined && (
            <>
              <EditButton change={query.data} />
              <ExportButton id={id} />
            </>
          )}
        </span>
      </div>
      <Loaded query={query} what={`the change ${id}`}>
        {(change) => <Document change={change} />}
      </Loaded>
    </article>
  );
}

function EditButton({ change }: { change: Change }) {
  const { data: me } = useMe();
  const navigate = useNavigate();
  return (
    <Button
      disabledBecause={whyNotEdit(me, change)}
      onClick={() => void navigate({ to: '/changes', search: { change: change.id, edit: true } })}
    >
      Edit
    </Button>
  );
}

const Document = ({ change }: { change: Change }) => (
  <>
    <Head change={change} />
    <Steps change={change} />
    {change.review !== undefined && <Review change={change} review={change.review} />}
    <Content change={change} />
    <Criteria change={change} />
    <Plans change={change} />
    <Evidence change={change} />
    <Past change={change} />
  </>
);

function Head({ change }: { change: Change }) {
  const { id, title, status_note, environments, proposed_category: proposed, category } = change;
  const asks = proposed === null || proposed === undefined || proposed.proposed === category ? undefined : proposed;
  return (
    <div>
      <h2 className="mb-2 text-base font-semibold break-words">
        <span className="font-mono">{id}</span> {title}
      </h2>
      <div className="mb-2">
        <ChangeChips change={change} />
      </div>
      <Facts
        facts={[
          ['Why it stands so', status_note],
          ['Its plans ask for', asks === undefined ? undefined : `${asks.proposed}: ${asks.why}`],
          ['Date', change.date],
          ['Phase', change.phase],
          ['Requested by', change.requested_by],
          ['Role', change.role],
          ['Environments', environments.length === 0 ? 'all' : environments.join(', ')],
          ['Runbooks', change.runbooks.join(', ')],
          [
            'Written',
            <span>
              by {nameOf(change.created_by)} <Ago at={change.created_at} />, changed <Ago at={change.updated_at} />
            </span>,
          ],
          ['Digest', <code className="font-mono text-xs break-all">{change.digest}</code>],
        ]}
      />
    </div>
  );
}

function Content({ change }: { change: Change }) {
  const { summary, scope, risk, impact, downtime, rollback, more, notes } = change;
  const outside = scope.out_note === undefined ? 'Out of scope' : `Out of scope (${scope.out_note})`;
  const lists = [
    ['In scope', scope.in],
    [outside, scope.out],
    ['Risks', risk.identified],
    ['Mitigations', risk.mitigations],
    ['Rollback plan', rollback],
  ] as const;
  return (
    <>
      {summary !== '' && (
        <Part title="Summary">
          <Prose text={summary} />
        </Part>
      )}
      <div className="grid gap-5 md:grid-cols-2">
        {lists.map(([title, lines]) =>
          lines.length === 0 ? null : (
            <Part key={title} title={title}>
              <Lines lines={lines} />
            </Part>
          ),
        )}
        {(impact.length > 0 || downtime !== '') && (
          <Part title="Impact">
            <Facts
              facts={[
                ...impact.map(({ on, effect }): [string, string] => [on, effect]),
                ['Downtime expected', downtime],
              ]}
            />
          </Part>
        )}
      </div>
      {more.map(({ heading, text }) => (
        <Part key={heading} title={heading}>
          <Prose text={text} />
        </Part>
      ))}
      {notes !== '' && (
        <Part title="Notes">
          <Prose text={notes} />
        </Part>
      )}
    </>
  );
}

const Plans = ({ change: { id, plans, environments } }: { change: Change }) => (
  <Part title={`Plans (${plans.length})`}>
    {plans.length === 0 && <p className="text-dim">None. A plan that names this change appears here.</p>}
    <p className="mb-1">
      <Link
        to="/"
        search={{
          propose: 'any',
          change: id,
          ...(environments[0] === undefined ? {} : { environment: environments[0] }),
        }}
        className="text-accent underline"
      >
        Plan something for this change
      </Link>
    </p>
    <ul className="flex flex-col gap-1">
      {plans.map(({ plan_id, state, environment }) => (
        <li key={plan_id} className="flex flex-wrap items-center gap-2">
          <Link to="/" search={{ plan: plan_id }} className="font-mono text-xs break-all text-accent underline">
            {plan_id}
          </Link>
          <StateChip state={state} /> {environment}
        </li>
      ))}
    </ul>
  </Part>
);

const LAPSED = {
  rewritten: 'the change was rewritten since',
  may_not_approve: 'counts no more: may not approve here any more',
} as const;

const Past = ({ change: { approvals, history } }: { change: Change }) => (
  <div className="grid gap-5 md:grid-cols-2">
    <Part title="Approvals">
      {approvals.length === 0 && <p className="text-dim">None.</p>}
      <ul>
        {approvals.map(({ by, at, comment, lapsed, method }) => (
          <li key={`${nameOf(by)} ${at}`} className="break-words">
            {nameOf(by)} <Ago at={at} /> with {method}
            {comment !== '' && `: ${comment}`}
            {lapsed !== undefined && <span className="text-warn"> ({LAPSED[lapsed]})</span>}
          </li>
        ))}
      </ul>
    </Part>
    <Part title="History">
      <ol>
        {history.map(({ status, by, at, note }) => (
          <li key={`${status} ${at}`} className="break-words">
            {words(status)} <Ago at={at} /> by {nameOf(by)}
            {note !== '' && `: ${note}`}
          </li>
        ))}
      </ol>
    </Part>
  </div>
);
