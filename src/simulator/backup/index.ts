import type { Routes } from '../core/call.ts';
import { jobRoutes } from './jobs.ts';
import { pruneRoutes } from './prune.ts';
import { vzdumpRoutes } from './vzdump.ts';

export const backupRoutes: Routes = { ...jobRoutes, ...pruneRoutes, ...vzdumpRoutes };
