import type { Routes } from '../core/call.ts';
import { taskApiRoutes } from './api.ts';

export const tasksRoutes: Routes = { ...taskApiRoutes };
