import type { Routes } from '../core/call.ts';
import { contentRoutes } from './content.ts';
import { definitionRoutes } from './definitions.ts';

export const storageRoutes: Routes = { ...contentRoutes, ...definitionRoutes };
