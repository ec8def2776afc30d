import { z } from 'zod';
import { defineAction } from '../define.ts';
import { readOnly } from '../parts/read.ts';

export default defineAction({
  ...readOnly,
  name: 'inventory.read',
  title: 'Guests of the environment',
  aliases: ['read_inventory'],
  target: 'cluster',
  params: z.strictObject({}),
  permissions: () => [{ path: '/vms', privilege: 'VM.Audit' }],
  run: async ({ read }) => ({ guests: await read('/cluster/resources', { type: 'vm' }) }),
  docs: {
    summary: 'All guests with their node and state, in one call to PVE.',
    example: { target: 'cluster', params: {} },
  },
});
