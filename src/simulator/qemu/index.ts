import type { Routes } from '../core/call.ts';
import { agentRoutes } from './agent.ts';
import { cloneRoutes } from './clone.ts';
import { cloudinitRoutes } from './cloudinit.ts';
import { configReadRoutes } from './config-read.ts';
import { createRoutes } from './create.ts';
import { destroyRoutes } from './destroy.ts';
import { featureRoutes } from './feature.ts';
import { migrateRoutes } from './migrate.ts';
import { moveRoutes } from './move.ts';
import { powerRoutes } from './power.ts';
import { resizeRoutes } from './resize.ts';
import { snapshotRoutes } from './snapshot.ts';
import { statusRoutes } from './status.ts';
import { templateRoutes } from './template.ts';
import { updateRoutes } from './update.ts';

export const qemuRoutes: Routes = {
  ...agentRoutes,
  ...cloneRoutes,
  ...cloudinitRoutes,
  ...configReadRoutes,
  ...createRoutes,
  ...destroyRoutes,
  ...featureRoutes,
  ...migrateRoutes,
  ...moveRoutes,
  ...powerRoutes,
  ...resizeRoutes,
  ...snapshotRoutes,
  ...statusRoutes,
  ...templateRoutes,
  ...updateRoutes,
};
