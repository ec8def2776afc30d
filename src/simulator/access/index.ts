import type { Routes } from '../core/call.ts';
import { aclRoutes } from './acl.ts';
import { groupRoutes, roleRoutes } from './roles.ts';
import { ticketRoutes } from './tickets.ts';
import { tokenRoutes } from './tokens.ts';
import { userRoutes } from './users.ts';

export const accessRoutes: Routes = {
  ...aclRoutes,
  ...groupRoutes,
  ...roleRoutes,
  ...ticketRoutes,
  ...tokenRoutes,
  ...userRoutes,
};
