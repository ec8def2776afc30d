import type { Routes } from '../core/call.ts';
import { haResourceRoutes } from './resources.ts';
import { haRuleRoutes } from './rules.ts';
import { haStatusRoutes } from './status.ts';

export const haRoutes: Routes = { ...haResourceRoutes, ...haRuleRoutes, ...haStatusRoutes };
