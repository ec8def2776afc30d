import type { Routes } from '../core/call.ts';
import { contentRoutes } from './content.ts';
import { definitionRoutes } from './definitions.ts';
import { shapeRoutes } from './shapes.ts';
import { uploadRoutes } from './upload.ts';

export const storageRoutes: Routes = { ...contentRoutes, ...definitionRoutes, ...shapeRoutes, ...uploadRoutes };
