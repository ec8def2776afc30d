import { AgentError } from '../kernel/errors.ts';

interface Ordered {
  readonly id: string;
  readonly after: readonly string[];
}

/** Each after all that it names; otherwise as given. Throws `VALIDATION_FAILED` for a circle or an unknown name. */
export function inOrder<T extends Ordered>(items: readonly T[]): T[] {
  const byId = new Map(items.map((item) => [item.id, item]));
  const done = new Set<string>();
  const path = new Set<string>();
  const out: T[] = [];
  const visit = (item: T): void => {
    if (done.has(item.id)) return;
    if (path.has(item.id)) throw invalid(item.id, `waits for itself: ${[...path, item.id].join(' after ')}`);
    path.add(item.id);
    for (const name of item.after) {
      const other = byId.get(name);
      if (other === undefined) throw invalid(item.id, `comes after "${name}", which is not one of the actions`);
      visit(other);
    }
    path.delete(item.id);
    done.add(item.id);
    out.push(item);
  };
  items.forEach(visit);
  return out;
}

const invalid = (id: string, why: string): AgentError =>
  new AgentError('VALIDATION_FAILED', `Action "${id}" ${why}.`, { errors: { [`actions.${id}.after`]: why } });
