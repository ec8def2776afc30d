import { z } from 'zod';
import { defineAction } from '../define.ts';
import { snapshotName } from '../parts/fields.ts';
import { guestPath, label, readStatus, warn, when } from '../parts/guest.ts';
import { checkSnapshot, readSnapshots } from '../parts/snapshots.ts';

export default defineAction({
  name: 'snapshot.rollback',
  title: 'Go back to a snapshot',
  aliases: ['vm.snapshot.rollback', 'rollback_snapshot'],
  target: 'vm',
  params: z.strictObject({
    name: snapshotName,
    start: z.boolean().default(false).describe('Start the guest afterwards.'),
  }),
  risk: { base: 'high', why: 'everything that the guest wrote since the snapshot is lost' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.Snapshot.Rollback' }],

  async preflight(ctx, { target, params }) {
    const { status } = await readStatus(ctx.read, target);
    const there = await checkSnapshot(ctx, target, params.name, 'there');
    return status === 'running' ? [there, warn('running', 'the guest is stopped for it')] : [there];
  },

  async run(ctx, { target, params }) {
    const { name: guest } = await readStatus(ctx.read, target);
    const before = await readSnapshots(ctx.read, target);
    await ctx.effect({
      title: `Roll ${label(target, guest)} back to ${params.name}`,
      method: 'POST',
      path: `${guestPath(target)}/snapshot/${params.name}/rollback`,
      params: params.start ? { start: 1 } : {},
      task: 'qmrollback',
      // The snapshot becomes the parent of the current state; no evidence where it was that already.
      settled: async (read) =>
        before.parent !== params.name && (await readSnapshots(read, target)).parent === params.name,
      resend: 'ask',
      undo: { kind: 'irreversible', why: 'the state before the rollback is not kept anywhere' },
    });
    return { rolled_back_to: params.name };
  },

  async verify({ read }, { target, params }) {
    const { parent } = await readSnapshots(read, target);
    return [
      when(
        parent === params.name,
        `${target.text} stands on ${params.name}`,
        'it does',
        `it stands on ${parent ?? 'no snapshot'}`,
      ),
    ];
  },

  docs: {
    summary: 'Takes the guest’s disks and settings back to a snapshot. What came after is lost.',
    example: { target: 'vm/303', params: { name: 'before-upgrade' } },
  },
});
