import type { Context } from '../context.ts';
import type { CalendarEntry, Plan } from '../model.ts';
import { usage } from '../problem.ts';
import { calendarRow, scheduleLines } from '../render/schedule.ts';
import { table } from '../render/table.ts';

const DAY_MS = 86_400_000;

/** Takes the schedule of a plan back; the plan stays approved. */
export async function unschedule(context: Context, _options: object, plan_id: string): Promise<void> {
  const answer = await context.api.delete<Plan>(`/v1/plans/${encodeURIComponent(plan_id)}/schedule`);
  await context.show(answer, (plan) => [
    `Not scheduled any more; the plan is ${plan.state}.`,
    ...scheduleLines(plan, context),
  ]);
}

interface Calendar {
  readonly time_zone: string;
  readonly entries: readonly CalendarEntry[];
}

/** Windows, blackouts, changes, scheduled plans and freezes of the coming days. */
export async function showCalendar(context: Context, { days }: { readonly days: string }): Promise<void> {
  const count = Number(days);
  if (!Number.isInteger(count) || count < 1 || count > 92) throw usage('--days must be a number from 1 to 92.');
  const now = context.clock.now();
  const query = {
    environment: context.options.environment ?? (context.io.env['PROXMOX_AGENT_ENVIRONMENT'] || undefined),
    from: new Date(now).toISOString(),
    to: new Date(now + count * DAY_MS).toISOString(),
  };
  const answer = await context.api.get<Calendar>('/v1/calendar', { query });
  await context.show(answer, async ({ entries, time_zone }) => {
    if (entries.length === 0) return [`Nothing is planned in the next ${count} days.`];
    const head = ['FROM', 'UNTIL', 'WHAT', 'ENVIRONMENT', 'NAME'];
    return [
      ...(await table(head, entries.map(calendarRow), context)),
      '',
      `The lab's clock is in ${time_zone}; times here are UTC.`,
    ];
  });
}
