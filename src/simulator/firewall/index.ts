import type { Routes } from '../core/call.ts';
import { aliasRoutes } from './aliases.ts';
import { groupRoutes } from './groups.ts';
import { ipsetRoutes } from './ipsets.ts';
import { optionRoutes } from './options.ts';
import { ruleRoutes } from './rules.ts';

export const firewallRoutes: Routes = {
  ...aliasRoutes,
  ...groupRoutes,
  ...ipsetRoutes,
  ...optionRoutes,
  ...ruleRoutes,
};
