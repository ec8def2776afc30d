import { emptyState } from '../state/empty.ts';
import type { State } from '../state/types.ts';
export const WORLDS = ['enterprise', 'empty'] as const;
export function stateFromWorld(name: string, _options: { now: number }): State {
  if (!(WORLDS as readonly string[]).includes(name)) throw new RangeError(`no world '${name}'`);
  return emptyState();
}
