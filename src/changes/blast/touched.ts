import type { PreparedRequest, Rehearsal } from '../../operations/index.ts';

/** Kinds of objects of a difference that the graph knows; a volume belongs to its guest. */
const KNOWN = /^(vm|ct|storage|pool|backup-job|ha|ha-rule|replication|node|bridge|vlan|firewall-group)\//;
/** The guest that a call changes. A clone reads its source. */
const GUEST_CALL = /\/(qemu|lxc)\/(\d+)(?!\d|\/clone$)/;

/** Guests that a plan's calls change, as `vm/103`. */
export function calledGuests(trace: Rehearsal['trace']): Set<string> {
  return new Set(
    trace.flatMap(({ path }) => {
      const match = GUEST_CALL.exec(path);
      return match === null ? [] : [`${match[1] === 'qemu' ? 'vm' : 'ct'}/${match[2]}`];
    }),
  );
}

/**
 * What a plan changes itself, by the names of the graph: what is different afterwards, the guests that its calls go to
 * (a reboot leaves no difference), and targets that are no guests. Sorted.
 */
export function touchedObjects(requests: readonly PreparedRequest[], { trace, diff }: Rehearsal): string[] {
  if (trace.length === 0) return [];
  const others = requests
    .filter(({ action, input }) => action.risk.base !== 'low' && /^(node|storage)\//.test(input.target.text))
    .map(({ input }) => input.target.text);
  // Guests come into pools and go from them by being made and deleted; that is nothing to the others there.
  const poolsCalled = trace.some(({ path }) => path.startsWith('/pools'));
  const changed = diff
    .map(({ object }) => object)
    .filter((object) => KNOWN.test(object) && (poolsCalled || !object.startsWith('pool/')));
  return [...new Set([...changed, ...calledGuests(trace), ...others])].sort();
}
