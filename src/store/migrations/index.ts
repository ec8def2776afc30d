import type { Migration } from '../migrate.ts';
import { start } from './001_start.ts';
import { jobs } from './002_jobs.ts';
import { policy } from './003_policy.ts';
import { identity } from './004_identity.ts';
import { runbooks } from './005_runbooks.ts';
import { storedSecrets } from './006_stored_secrets.ts';
import { changeRecords } from './007_change_records.ts';
import { schedules } from './008_schedules.ts';
import { heard } from './009_heard.ts';
import { made } from './010_made.ts';

/** In order, from 1, without gaps; a released one is never edited (its hash is checked at every start). */
export const MIGRATIONS: readonly Migration[] = [
  start,
  jobs,
  policy,
  identity,
  runbooks,
  storedSecrets,
  changeRecords,
  schedules,
  heard,
  made,
];
