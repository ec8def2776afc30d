export { buildGraph, guestId, tierOf } from './build.ts';
export { readGraph, type GraphReads } from './read.ts';
export type { Graph, GraphEdge, GraphObject, ObjectKind } from './types.ts';
