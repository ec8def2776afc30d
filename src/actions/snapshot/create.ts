import { z } from 'zod';
import { defineAction } from '../define.ts';
import { snapshotName } from '../parts/fields.ts';
import { guestPath, label, pass, readStatus, warn } from '../parts/guest.ts';
import { checkSnapshot, hasSnapshot, removeSnapshot } from '../parts/snapshots.ts';

export default defineAction({
  name: 'snapshot.create',
  title: 'Take a snapshot',
  aliases: ['vm.snapshot.create', 'snapshot_vm', 'create_snapshot'],
  target: 'vm',
  params: z.strictObject({
    name: snapshotName,
    description: z.string().max(8192).optional().describe('Notes on the snapshot.'),
    vmstate: z.boolean().default(false).describe('Also keep the memory of a running guest.'),
  }),
  risk: { base: 'medium', why: 'the snapshot takes space and slows the disk a little while it exists' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.Snapshot' }],

  async preflight(ctx, { target, params }) {
    const { status } = await readStatus(ctx.read, target);
    const memory =
      params.vmstate && status === 'stopped'
        ? warn('memory', 'the guest is stopped, so there is no memory to keep')
        : pass('memory', params.vmstate ? 'is kept too' : 'is not kept');
    return [await checkSnapshot(ctx, target, params.name, 'absent'), memory];
  },

  async run(ctx, { target, params }) {
    const { name: guest } = await readStatus(ctx.read, target);
    await ctx.effect({
      title: `Take snapshot ${params.name} of ${label(target, guest)}`,
      method: 'POST',
      path: `${guestPath(target)}/snapshot`,
      params: { snapname: params.name, description: params.description, ...(params.vmstate ? { vmstate: 1 } : {}) },
      task: 'qmsnapshot',
      settled: hasSnapshot(target, params.name),
      resend: 'safe',
      undo: { kind: 'effect', effect: removeSnapshot(target, params.name) },
    });
    return { snapshot: params.name };
  },

  verify: async (ctx, { target, params }) => [await checkSnapshot(ctx, target, params.name, 'there')],

  docs: {
    summary: 'Keeps the state of the guest’s disks, and of its memory where wanted, under a name.',
    example: { target: 'vm/121', params: { name: 'before-upgrade', description: 'Before the upgrade' } },
  },
});
