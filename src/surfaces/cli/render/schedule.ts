import type { CalendarEntry, Plan, Schedule } from '../model.ts';
import { hanging, type Style } from './text.ts';
import { cell, instant, who } from './values.ts';

const STATES: Readonly<Record<string, string>> = {
  waiting: 'will be applied',
  begun: 'was applied as scheduled for',
  failed: 'was not applied as scheduled for',
  canceled: 'was scheduled, and taken back, for',
};

/** When a plan will be applied by itself, or what came of it. */
export function scheduleLines(
  { schedule }: Pick<Plan, 'schedule'>,
  { width, style }: { readonly width: number; readonly style: Style },
): string[] {
  if (schedule === undefined) return [];
  const { state, result, scheduled_by } = schedule;
  const said = `${STATES[state] ?? state} ${instant(schedule.at)}${windowText(schedule)}, by ${who(scheduled_by)}`;
  const reason =
    result === undefined
      ? []
      : hanging('  ', style.yellow(`${instant(result.at)}: ${result.detail} (${result.code})`), width);
  return [...hanging(`${style.bold('Schedule')}  `, said, width, 4), ...reason];
}

export const windowText = ({ window, until }: Pick<Schedule, 'window' | 'until'>): string =>
  ` ${window === undefined ? '(' : `(window "${window}", `}until ${instant(until)})`;

/** Rows of the calendar: when, until when, what, for whom. */
export const calendarRow = (entry: CalendarEntry): string[] => {
  const { kind, environment, name, from, to, tiers, categories, blackouts, plan_id, change_id, status } = entry;
  const only = [
    ...(tiers === undefined ? [] : [`tier ${tiers.join(', ')}`]),
    ...(categories === undefined ? [] : [`${categories.join(', ')} changes`]),
    ...(status === undefined ? [] : [status.replaceAll('_', ' ')]),
    ...(blackouts === undefined ? [] : [`shut by the blackout ${blackouts.join(', ')}`]),
  ].join('; ');
  const what = `${change_id === undefined ? '' : `${change_id} `}${name}${only === '' ? '' : ` (${only})`}${plan_id === undefined ? '' : ` ${plan_id}`}`;
  return [instant(from), to === null ? 'open end' : instant(to), kind, cell(environment), what];
};
