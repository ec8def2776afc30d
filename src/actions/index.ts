export { ACTIONS } from './catalogue.generated.ts';
export type * from './define.ts';
export { findAction, paramsSchema, parseParams, parseTarget } from './schema.ts';
export { parseSize } from './parts/disk.ts';
