import type { Graph, GraphEdge } from '../../estate/index.ts';

/** Something that depends on what is touched: by which object it is reached, and why. */
export interface Dependent {
  readonly object: string;
  readonly by: string;
  readonly why: string;
}

/** Edges by what they lead to. */
function byTarget(edges: readonly GraphEdge[]): ReadonlyMap<string, readonly GraphEdge[]> {
  return Map.groupBy(edges, ({ to }) => to);
}

/**
 * Everything that depends on `touched`, at any remove, the nearest first; each once, so cycles end. The same graph gives
 * the same answer.
 */
export function dependentsOf({ edges }: Graph, touched: readonly string[]): Dependent[] {
  const into = byTarget(edges);
  const seen = new Set(touched);
  const found: Dependent[] = [];
  let layer: readonly string[] = [...touched].sort();
  while (layer.length > 0) {
    const next: Dependent[] = [];
    for (const by of layer)
      for (const { from, why } of into.get(by) ?? []) {
        if (seen.has(from)) continue;
        seen.add(from);
        next.push({ object: from, by, why });
      }
    found.push(...next);
    layer = next.map(({ object }) => object);
  }
  return found;
}
