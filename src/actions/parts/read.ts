import type { Check } from '../define.ts';

/** What the reads have in common: no effect, so nothing to check, to permit beyond auditing, or to verify. */
export const readOnly = {
  risk: { base: 'low', why: 'it reads only' },
  preflight: (): Promise<readonly Check[]> => Promise.resolve([]),
  verify: (): Promise<readonly Check[]> => Promise.resolve([]),
} as const;
