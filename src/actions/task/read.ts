import { z } from 'zod';
import { defineAction } from '../define.ts';
import { nodeName } from '../parts/fields.ts';
import { readOnly } from '../parts/read.ts';

export default defineAction({
  ...readOnly,
  name: 'task.read',
  title: 'Tasks of a node or of the cluster',
  aliases: ['read_tasks'],
  target: 'cluster',
  params: z.strictObject({ node: nodeName.optional().describe('Only this node’s tasks, with its archive.') }),
  permissions: ({ params }) => [
    { path: params.node === undefined ? '/' : `/nodes/${params.node}`, privilege: 'Sys.Audit' },
  ],
  run: async ({ read }, { params }) => ({
    tasks: await (params.node === undefined
      ? read('/cluster/tasks')
      : read(`/nodes/${params.node}/tasks`, { source: 'all', limit: 50 })),
  }),
  docs: { summary: 'Running and recent PVE tasks.', example: { target: 'cluster', params: {} } },
});
