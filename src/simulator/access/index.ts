import type { Routes } from '../core/call.ts';
import { aclRoutes } from './acl.ts';
import { groupRoutes, roleRoutes } from './roles.ts';
import { realmRoutes } from './realms.ts';
import { tfaRoutes } from './tfa.ts';
import { ticketRoutes } from './tickets.ts';
import { tokenRoutes } from './tokens.ts';
import { userRoutes } from './users.ts';

export const accessRoutes: Routes = {
  ...aclRoutes,
  ...groupRoutes,
  ...realmRoutes,
  ...roleRoutes,
  ...tfaRoutes,
  ...ticketRoutes,
  ...tokenRoutes,
  ...userRoutes,
};
