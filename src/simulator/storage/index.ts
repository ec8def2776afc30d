import type { Routes } from '../core/call.ts';
import { attributeRoutes } from './attributes.ts';
import { contentRoutes } from './content.ts';
import { copyRoutes } from './copy.ts';
import { definitionRoutes } from './definitions.ts';
import { nodeStorageRoutes } from './node-storages.ts';
import { shapeRoutes } from './shapes.ts';
import { uploadRoutes } from './upload.ts';

export const storageRoutes: Routes = {
  ...attributeRoutes,
  ...contentRoutes,
  ...copyRoutes,
  ...definitionRoutes,
  ...nodeStorageRoutes,
  ...shapeRoutes,
  ...uploadRoutes,
};
