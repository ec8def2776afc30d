import type { Graph, GraphEdge, GraphObject } from './types.ts';

/** Collects objects and edges; what is named twice is there once. */
export class GraphBuilder {
  readonly #objects = new Map<string, GraphObject>();
  readonly #edges = new Map<string, GraphEdge>();

  /** Later words about the same object are added to the earlier ones. */
  add(object: GraphObject): void {
    const before = this.#objects.get(object.id);
    const marks = [...new Set([...(before?.marks ?? []), ...(object.marks ?? [])])];
    const tier = Math.min(before?.tier ?? Infinity, object.tier ?? Infinity);
    this.#objects.set(object.id, {
      ...before,
      ...object,
      ...(tier === Infinity ? {} : { tier }),
      ...(marks.length === 0 ? {} : { marks }),
    });
  }

  has(id: string): boolean {
    return this.#objects.has(id);
  }

  edge(from: string, to: string, why: string): void {
    if (from !== to) this.#edges.set(`${from} ${to} ${why}`, { from, to, why });
  }

  /** Only edges whose ends are there; everything in the order of names. */
  build(unread: readonly string[]): Graph {
    const edges = [...this.#edges]
      .filter(([, { from, to }]) => this.has(from) && this.has(to))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, edge]) => edge);
    const objects = new Map([...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { objects, edges, unread };
  }
}
