import { useMe } from '../api/queries.ts';
import { mayNotPropose } from './rights.ts';

/** Why the caller cannot propose anything, or undefined. */
export const useMayPropose = (): string | undefined => mayNotPropose(useMe().data);
