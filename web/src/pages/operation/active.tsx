import { useActiveOperations, useMe, useOperation, usePlan, useSend } from '../../api/queries.ts';
import type { Operation } from '../../api/types.ts';
import { Bar } from '../../parts/bar.tsx';
import { Button } from '../../parts/button.tsx';
import { StateChip } from '../../parts/chip.tsx';
import { count } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Elapsed } from '../../parts/time.tsx';
import { planTitle } from '../plan/title.ts';
import { mayNotPropose } from '../rights.ts';
import { Outcome } from './outcome.tsx';
import { StepList } from './step_list.tsx';
import { errorText, hasEnded, stepsOf, waitingText, wholeOf } from './steps.ts';

/** Operations that have not ended, live. */
export function ActiveOperations() {
  const query = useActiveOperations();
  return (
    <Section id="operations" title="Operations">
      <Loaded query={query} what="the running operations">
        {({ pages }) => {
          const operations = pages.flatMap((page) => page.operations).filter((operation) => !hasEnded(operation));
          if (operations.length === 0) return <Empty>Nothing is running.</Empty>;
          return (
            <div className="flex flex-col gap-3">
              {operations.toSorted(stuckFirst).map((operation) => (
                <Card key={operation.operation_id} known={operation} />
              ))}
              {query.hasNextPage && <Button onClick={() => void query.fetchNextPage()}>Show more</Button>}
            </div>
          );
        }}
      </Loaded>
    </Section>
  );
}

/** A line above everything for operations that a person has to decide on; nothing while there are none. */
export function Attention() {
  const pages = useActiveOperations().data?.pages ?? [];
  const stuck = pages.flatMap(({ operations }) => operations).filter(({ state }) => state === 'needs_attention').length;
  if (stuck === 0) return null;
  return (
    <p role="status" className="rounded-md border border-bad bg-bad-soft px-3 py-2">
      <strong className="text-bad">{count(stuck, 'operation needs', 'operations need')} attention.</strong>{' '}
      <a href="#operations" className="text-accent underline">
        See what is known
      </a>
    </p>
  );
}

/** What waits for a person first. */
const stuckFirst = (one: Operation, other: Operation): number =>
  Number(other.state === 'needs_attention') - Number(one.state === 'needs_attention');

function Card({ known }: { known: Operation }) {
  const { data: operation = known } = useOperation(known.operation_id, known);
  const { data: plan } = usePlan(known.plan_id);
  const steps = stepsOf(operation, plan);
  const { state, started_at, attempt = 1, operation_id } = operation;
  const title = plan === undefined ? (steps[0]?.title ?? 'Operation') : planTitle(plan);
  const stuck = state === 'needs_attention';
  const waiting = waitingText(operation.waiting_for);
  const error = errorText(operation.error);
  return (
    <Panel tone={stuck ? 'bad' : 'none'}>
      <article aria-label={title} className="flex flex-col gap-3 px-3 py-2.5">
        <div>
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <h3 className="font-mono font-semibold break-words">{title}</h3>
            <StateChip state={state} />
            <span className="text-dim">
              {operation.environment ?? plan?.environment} · <Elapsed from={started_at} to={undefined} />
              {attempt > 1 && ` · attempt ${attempt}`}
            </span>
          </div>
          <p className="font-mono text-xs break-all text-dim">{operation_id}</p>
        </div>
        <Bar
          share={wholeOf(steps)}
          label={`Progress of ${title}`}
          tone={stuck ? 'bad' : state === 'compensating' ? 'warn' : 'accent'}
        />
        {waiting !== undefined && <p className="text-warn">{waiting}</p>}
        {error !== undefined && <p className={stuck ? 'text-bad' : 'text-warn'}>{error}</p>}
        <StepList steps={steps} />
        <Outcome operation={operation} />
        <Actions operation={operation} />
      </article>
    </Panel>
  );
}

function Actions({ operation: { operation_id, state } }: { operation: Operation }) {
  const { data: me } = useMe();
  const send = useSend<Operation, 'cancel' | 'resume'>((post, verb) =>
    post(`/v1/operations/${encodeURIComponent(operation_id)}/${verb}`),
  );
  const stuck = state === 'needs_attention';
  const may = mayNotPropose(me) ?? (stuck && me?.class !== 'human' ? 'Only a person decides on this.' : undefined);
  const late =
    state === 'verifying' || state === 'compensating' ? `It is ${state} and can no longer be canceled.` : undefined;
  return (
    <div>
      {send.error !== null && <ProblemNote error={send.error} />}
      {stuck && (
        <p className="mb-2">
          A person has to look: see in Proxmox VE what became of the last step, then resume, or give up and take back
          what was done.
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {stuck && (
          <Button
            look="primary"
            busy={send.isPending && send.variables === 'resume'}
            disabledBecause={may}
            onClick={() => send.mutate('resume')}
          >
            Resume
          </Button>
        )}
        <Button
          look={stuck ? 'danger' : 'plain'}
          busy={send.isPending && send.variables === 'cancel'}
          disabledBecause={may ?? late}
          reasonShown={!stuck}
          onClick={() => send.mutate('cancel')}
        >
          {stuck ? 'Give up and take back' : 'Cancel'}
        </Button>
      </div>
    </div>
  );
}
