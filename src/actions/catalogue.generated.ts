// Written by `npm run generate`. Do not edit.
import type { AnyAction } from './define.ts';
import disk_resize from './disk/resize.ts';
import host_run from './host/run.ts';
import inventory_read from './inventory/read.ts';
import node_read from './node/read.ts';
import snapshot_create from './snapshot/create.ts';
import snapshot_delete from './snapshot/delete.ts';
import snapshot_rollback from './snapshot/rollback.ts';
import task_read from './task/read.ts';
import vm_bootstrap from './vm/bootstrap.ts';
import vm_clone from './vm/clone.ts';
import vm_cloudinit_configure from './vm/cloudinit/configure.ts';
import vm_configure from './vm/configure.ts';
import vm_create_from_template from './vm/create_from_template.ts';
import vm_delete from './vm/delete.ts';
import vm_read from './vm/read.ts';
import vm_reboot from './vm/reboot.ts';
import vm_shutdown from './vm/shutdown.ts';
import vm_start from './vm/start.ts';
import vm_status from './vm/status.ts';
import vm_stop from './vm/stop.ts';

export const ACTIONS: readonly AnyAction[] = [
  disk_resize,
  host_run,
  inventory_read,
  node_read,
  snapshot_create,
  snapshot_delete,
  snapshot_rollback,
  task_read,
  vm_bootstrap,
  vm_clone,
  vm_cloudinit_configure,
  vm_configure,
  vm_create_from_template,
  vm_delete,
  vm_read,
  vm_reboot,
  vm_shutdown,
  vm_start,
  vm_status,
  vm_stop,
];
