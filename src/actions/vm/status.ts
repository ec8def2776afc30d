import { z } from 'zod';
import { defineAction } from '../define.ts';
import { guestPath } from '../parts/guest.ts';
import { readOnly } from '../parts/read.ts';

export default defineAction({
  ...readOnly,
  name: 'vm.status',
  title: 'Status of a VM',
  aliases: ['vm_status', 'get_vm_status'],
  target: 'vm',
  params: z.strictObject({}),
  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.Audit' }],
  run: async ({ read }, { target }) => ({ status: await read(`${guestPath(target)}/status/current`) }),
  docs: { summary: 'The current state of a guest as PVE tells it.', example: { target: 'vm/101', params: {} } },
});
