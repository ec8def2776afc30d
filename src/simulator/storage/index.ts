import type { Routes } from '../core/call.ts';
import { attributeRoutes } from './attributes.ts';
import { contentRoutes } from './content.ts';
import { definitionRoutes } from './definitions.ts';
import { nodeStorageRoutes } from './node-storages.ts';
import { shapeRoutes } from './shapes.ts';
import { uploadRoutes } from './upload.ts';

export const storageRoutes: Routes = {
  ...attributeRoutes,
  ...contentRoutes,
  ...definitionRoutes,
  ...nodeStorageRoutes,
  ...shapeRoutes,
  ...uploadRoutes,
};
