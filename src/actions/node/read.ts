import { z } from 'zod';
import { defineAction } from '../define.ts';
import { readOnly } from '../parts/read.ts';

export default defineAction({
  ...readOnly,
  name: 'node.read',
  title: 'Nodes of the environment',
  aliases: ['read_nodes'],
  target: 'cluster',
  params: z.strictObject({}),
  permissions: () => [{ path: '/nodes', privilege: 'Sys.Audit' }],
  run: async ({ read }) => ({ nodes: await read('/nodes') }),
  docs: { summary: 'The nodes with their state and load.', example: { target: 'cluster', params: {} } },
});
