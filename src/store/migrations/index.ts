import type { Migration } from '../migrate.ts';
import { start } from './001_start.ts';
import { jobs } from './002_jobs.ts';
import { policy } from './003_policy.ts';
import { schedules } from './004_schedules.ts';

/** In order, from 1, without gaps; a released one is never edited (its hash is checked at every start). */
export const MIGRATIONS: readonly Migration[] = [start, jobs, policy, schedules];
