import type { Plan } from '../model.ts';
import { hanging, type Style } from './text.ts';
import { count, duration } from './values.ts';

/** So many dependents are named; the rest is a number. */
const SHOWN = 12;

/** What a plan touches, what depends on that and why, what kind of change it is, how long it takes. */
export function reach(plan: Plan, { width, style }: { readonly width: number; readonly style: Style }): string[] {
  const { blast_radius, change_category, predicted_seconds, plan_hash } = plan;
  const { guests = [], services = [], nodes = [], score = 0, parts = [], unread = [] } = blast_radius ?? {};
  const named = [...guests, ...services, ...nodes];
  const touches =
    named.length === 0
      ? 'nothing'
      : `${count(guests.length, 'guest')}, ${count(services.length, 'service')}, ${count(nodes.length, 'node')}: ${named.join(', ')}`;
  const sums = parts.map(({ part, count: number, points }) => `${number} ${part} (${points})`).join(', ');
  return [
    ...(blast_radius === undefined
      ? []
      : hanging(`${style.bold('Touches')}  `, sums === '' ? `${touches} (score ${score})` : touches, width)),
    ...(sums === '' ? [] : hanging('         ', `score ${score} of 100: ${sums}`, width)),
    ...dependentLines(plan, width),
    ...unread.flatMap((what) => hanging(`${style.yellow('unknown')}  `, `what depends on it by ${what}`, width)),
    ...(change_category === undefined
      ? []
      : hanging(`${style.bold('Change')}   `, `${change_category.proposed}: ${change_category.why}`, width)),
    ...(predicted_seconds === undefined ? [] : [`${style.bold('Takes')}    about ${duration(predicted_seconds)}`]),
    `${style.bold('Hash')}     ${plan_hash}`,
  ];
}

function dependentLines({ blast_radius }: Plan, width: number): string[] {
  const dependents = blast_radius?.dependents ?? [];
  const lines = dependents
    .slice(0, SHOWN)
    .flatMap(({ object, by, why }) => hanging('         ', `${object} depends on ${by}: ${why}`, width, 11));
  const rest = dependents.length + (blast_radius?.dependents_omitted ?? 0) - SHOWN;
  return rest > 0 ? [...lines, `         and ${count(rest, 'object')} more`] : lines;
}
