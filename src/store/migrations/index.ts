import type { Migration } from '../migrate.ts';
import { start } from './001_start.ts';
import { identity } from './003_identity.ts';

/** In order, from 1, without gaps; a released one is never edited (its hash is checked at every start). */
export const MIGRATIONS: readonly Migration[] = [start, identity];
