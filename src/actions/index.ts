export { ACTIONS } from './catalogue.generated.ts';
export type * from './define.ts';
export { fieldErrors, findAction, paramsSchema, parseParams, parseTarget } from './schema.ts';
export { nearest } from './nearest.ts';
export { parseSize } from './parts/disk.ts';
