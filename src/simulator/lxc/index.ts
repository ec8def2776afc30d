import type { Routes } from '../core/call.ts';
import { cloneRoutes } from './clone.ts';
import { configRoutes } from './config.ts';
import { createRoutes } from './create.ts';
import { destroyRoutes } from './destroy.ts';
import { migrateRoutes } from './migrate.ts';
import { powerRoutes } from './power.ts';
import { snapshotRoutes } from './snapshot.ts';
import { statusRoutes } from './status.ts';
import { volumeRoutes } from './volumes.ts';

export const lxcRoutes: Routes = {
  ...cloneRoutes,
  ...configRoutes,
  ...createRoutes,
  ...destroyRoutes,
  ...migrateRoutes,
  ...powerRoutes,
  ...snapshotRoutes,
  ...statusRoutes,
  ...volumeRoutes,
};
