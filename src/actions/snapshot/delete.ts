import { z } from 'zod';
import { defineAction } from '../define.ts';
import { snapshotName } from '../parts/fields.ts';
import { checkSnapshot, removeSnapshot } from '../parts/snapshots.ts';

export default defineAction({
  name: 'snapshot.delete',
  title: 'Delete a snapshot',
  aliases: ['vm.snapshot.delete', 'delete_snapshot'],
  target: 'vm',
  params: z.strictObject({ name: snapshotName }),
  risk: { base: 'medium', why: 'the guest cannot go back to it any more' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.Snapshot' }],

  preflight: async (ctx, { target, params }) => [await checkSnapshot(ctx, target, params.name, 'there')],

  async run(ctx, { target, params }) {
    await ctx.effect({
      ...removeSnapshot(target, params.name),
      undo: { kind: 'irreversible', why: 'a deleted snapshot cannot be made again' },
    });
    return { deleted: params.name };
  },

  verify: async (ctx, { target, params }) => [await checkSnapshot(ctx, target, params.name, 'absent')],

  docs: {
    summary: 'Removes a snapshot; the guest stays as it is.',
    example: { target: 'vm/303', params: { name: 'before-upgrade' } },
  },
});
