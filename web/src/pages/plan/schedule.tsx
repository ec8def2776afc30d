import { useCalendar, useMe, useSend } from '../../api/queries.ts';
import type { Plan } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { moment, nameOf } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Ago } from '../../parts/time.tsx';
import { mayNotPropose } from '../rights.ts';
import { useExpired } from './apply.tsx';

const STATES: Readonly<Record<string, string>> = {
  waiting: 'will be applied by itself',
  begun: 'was applied, as scheduled for',
  failed: 'was not applied, as scheduled for',
  canceled: 'was scheduled, and taken back, for',
};

/** When the plan is applied by itself, or what came of that. */
export function ScheduleText({ plan }: { plan: Plan }) {
  const zone = useCalendar(plan.environment).data?.time_zone;
  const { schedule } = plan;
  if (schedule === undefined) return null;
  const { state, at, until, window, scheduled_by, result } = schedule;
  return (
    <div>
      <p>
        It {STATES[state] ?? state} {moment(at, zone)} (<Ago at={at} />)
        {window === undefined ? '' : `, in the window “${window}”`}, until {moment(until, zone)} at the latest;
        scheduled by {nameOf(scheduled_by)}.
      </p>
      {result !== undefined && (
        <p className={state === 'failed' ? 'text-bad' : 'text-warn'}>
          {state === 'waiting' ? 'Not yet' : 'Not'} applied: {result.detail}
        </p>
      )}
    </div>
  );
}

/** Lets an approved plan be applied in the next window, or takes that back. */
export function ScheduleButtons({ plan }: { plan: Plan }) {
  const { data: me } = useMe();
  const calendar = useCalendar(plan.environment);
  const expired = useExpired(plan);
  const send = useSend<Plan, 'set' | 'unset'>((post, what, client) =>
    what === 'set'
      ? post('/v1/actions/apply', { plan_id: plan.plan_id, when: 'window' })
      : client.change('DELETE', `/v1/plans/${encodeURIComponent(plan.plan_id)}/schedule`),
  );
  const waiting = plan.schedule?.state === 'waiting';
  const entries = calendar.data?.entries;
  const none =
    entries === undefined
      ? 'Reading the calendar…'
      : entries.some(({ kind }) => kind === 'window')
        ? undefined
        : 'No change window opens in the next six weeks.';
  return (
    <div className="min-w-0">
      {send.error !== null && <ProblemNote error={send.error} />}
      {waiting ? (
        <Button busy={send.isPending} disabledBecause={mayNotPropose(me)} onClick={() => send.mutate('unset')}>
          Take the schedule back
        </Button>
      ) : (
        <Button
          busy={send.isPending}
          disabledBecause={expired ?? mayNotPropose(me) ?? none}
          onClick={() => send.mutate('set')}
        >
          Apply in the window
        </Button>
      )}
    </div>
  );
}
