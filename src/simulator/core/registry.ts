import type { Handler, Routes } from './call.ts';
import { accessRoutes } from '../access/index.ts';
import { backupRoutes } from '../backup/index.ts';
import { clusterRoutes } from '../cluster/index.ts';
import { firewallRoutes } from '../firewall/index.ts';
import { lxcRoutes } from '../lxc/index.ts';
import { nodesRoutes } from '../nodes/index.ts';
import { poolsRoutes } from '../pools/index.ts';
import { qemuRoutes } from '../qemu/index.ts';
import { replicationRoutes } from '../replication/index.ts';
import { sdnRoutes } from '../sdn/index.ts';
import { storageRoutes } from '../storage/index.ts';
import { tasksRoutes } from '../tasks/index.ts';

/** Which function answers which method. An area adds its routes here; a method without one answers 501. */
const HANDLERS: Readonly<Record<string, Handler>> = Object.assign(
  {},
  accessRoutes,
  backupRoutes,
  clusterRoutes,
  firewallRoutes,
  lxcRoutes,
  nodesRoutes,
  poolsRoutes,
  qemuRoutes,
  replicationRoutes,
  sdnRoutes,
  storageRoutes,
  tasksRoutes,
) as Routes;

export const handlerOf = (method: string, path: string): Handler | undefined => HANDLERS[`${method} ${path}`];

export const handlerNames = (): string[] => Object.keys(HANDLERS);
