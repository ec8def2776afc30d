import type { Guest } from '../../api/types.ts';
import { tagsOf } from '../../parts/format.ts';

export const isTemplate = (guest: Guest): boolean => guest.template === 1 || guest.template === true;

/** `vm/101` or `ct/104`: how plans name the guest. */
export const targetOf = ({ type, vmid }: Guest): string => `${type === 'lxc' ? 'ct' : 'vm'}/${vmid}`;

export interface GuestFilter {
  /** Words; each must be found in the id, name, node, a tag, the pool or the lock. */
  readonly search: string;
  /** A status of PVE, `template`, or empty for all. */
  readonly state: string;
  readonly node: string;
}

export const stateOf = (guest: Guest): string => (isTemplate(guest) ? 'template' : guest.status);

/** The guests that pass, in the order of their numbers. */
export function filterGuests(guests: readonly Guest[], { search, state, node }: GuestFilter): Guest[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return guests
    .filter((guest) => {
      if (state !== '' && stateOf(guest) !== state) return false;
      if (node !== '' && guest.node !== node) return false;
      const text = [targetOf(guest), guest.name, guest.node, ...tagsOf(guest.tags), guest.pool, guest.lock]
        .join('\n')
        .toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .toSorted((a, b) => a.vmid - b.vmid);
}
