import { z } from 'zod';
import { defineAction } from '../define.ts';
import { guestPath } from '../parts/guest.ts';
import { readOnly } from '../parts/read.ts';

export default defineAction({
  ...readOnly,
  name: 'vm.read',
  title: 'Configuration of a VM',
  aliases: ['read_vm'],
  target: 'vm',
  params: z.strictObject({}),
  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.Audit' }],
  run: async ({ read }, { target }) => ({ config: await read(`${guestPath(target)}/config`) }),
  docs: {
    summary: 'The configuration of a guest, pending changes included.',
    example: { target: 'vm/101', params: {} },
  },
});
