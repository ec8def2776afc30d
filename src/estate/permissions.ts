import type { Permission } from '../actions/define.ts';
import { isAgentError } from '../kernel/errors.ts';
import { num, record, type PveApi } from '../proxmox/index.ts';

export interface Held extends Permission {
  /** Null when PVE did not say. */
  readonly held: boolean | null;
}

/**
 * Whether our own token holds what is needed: one call that lists all its rights. A right on a path holds below it when
 * PVE lists it there; PVE answers with every path that has an entry, propagated rights included.
 */
export async function readPermissions(api: PveApi, needed: readonly Permission[]): Promise<Held[]> {
  const unique = [...new Map(needed.map((one) => [`${one.path} ${one.privilege}`, one])).values()];
  if (unique.length === 0) return [];
  try {
    const rights = record(await api.get('/access/permissions'));
    return unique.map((one) => ({ ...one, held: holds(rights, one) }));
  } catch (error) {
    if (!isAgentError(error, 'PVE_REJECTED')) throw error;
    return unique.map((one) => ({ ...one, held: null }));
  }
}

/** The nearest path upwards that has an entry decides; from above only rights that propagate (value 1) come down. */
export function holds(rights: Readonly<Record<string, unknown>>, { path, privilege }: Permission): boolean {
  const nearest = upwards(path).find((at) => rights[at] !== undefined);
  if (nearest === undefined) return false;
  const value = record(rights[nearest])[privilege];
  return nearest === path ? value !== undefined : num(value) === 1;
}

/** `/vms/101`, `/vms`, `/`. */
function upwards(path: string): string[] {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`).concat('/');
}
