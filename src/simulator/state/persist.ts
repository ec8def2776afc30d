import { emptyState } from './empty.ts';
import type { State } from './types.ts';

type Tagged = { readonly $map: [unknown, unknown][] } | { readonly $set: unknown[] };

/** The state as JSON text; maps and sets are marked. */
export const stateToText = (state: State, now: number): string =>
  JSON.stringify({ version: 1, now, state }, (_key, value: unknown) => {
    if (value instanceof Map) return { $map: [...(value as Map<unknown, unknown>)] };
    if (value instanceof Set) return { $set: [...(value as Set<unknown>)] };
    return value;
  });

/** Reads what `stateToText` wrote. Tasks that were running then are dead, as after a power cut (FACTS 31). */
export function stateFromText(text: string): { state: State; now: number } {
  const { state: stored, now } = JSON.parse(text, (_key, value: unknown) => {
    if (value === null || typeof value !== 'object') return value;
    if ('$map' in value) return new Map((value as Extract<Tagged, { $map: unknown }>).$map);
    if ('$set' in value) return new Set((value as Extract<Tagged, { $set: unknown }>).$set);
    return value;
  }) as { state: State; now: number };
  // What an older file does not have yet is empty.
  const state: State = { ...emptyState(), ...stored };
  for (const task of state.tasks) {
    if (task.endtime !== undefined) continue;
    task.endtime = Math.floor(now / 1000);
    task.exitstatus = 'unexpected status';
    task.log.push('TASK ERROR: unexpected status');
  }
  return { state, now };
}
