import { z } from 'zod';
import { defineAction, type ActionInput, type Permission } from '../define.ts';
import { checkSource, cloneEffect, verifyClone } from '../parts/clone.ts';
import { description, guestName, newid, nodeName, poolId, snapshotName, storageId } from '../parts/fields.ts';
import { readConfig } from '../parts/guest.ts';

const params = z.strictObject({
  newid,
  name: guestName.optional(),
  full: z
    .boolean()
    .optional()
    .describe('Own disks (true) or a linked clone (false). Templates are linked unless this is true.'),
  storage: storageId.optional(),
  node: nodeName.optional(),
  pool: poolId.optional(),
  description: description.optional(),
  snapshot: snapshotName.optional().describe('Clone the guest as it was at this snapshot.'),
});

type Input = ActionInput<z.output<typeof params>>;
const wish = (input: Input) => ({ ...input.params, newid: input.newid });

export function clonePermissions(
  vmid: number,
  newid: number,
  storage: string | undefined,
  pool: string | undefined,
): Permission[] {
  return [
    { path: `/vms/${vmid}`, privilege: 'VM.Clone' },
    { path: pool === undefined ? `/vms/${newid}` : `/pool/${pool}`, privilege: 'VM.Allocate' },
    ...(storage === undefined ? [] : [{ path: `/storage/${storage}`, privilege: 'Datastore.AllocateSpace' }]),
  ];
}

export default defineAction({
  name: 'vm.clone',
  title: 'Clone a VM or template',
  aliases: ['clone_vm'],
  target: 'vm',
  params,
  risk: { base: 'medium', why: 'a new guest takes space on the storage' },
  newGuest: 'newid',

  permissions: ({ target, params, newid }) => clonePermissions(target.vmid, newid, params.storage, params.pool),

  preflight: (ctx, input) => checkSource(ctx, input.target, wish(input)),

  async run(ctx, input) {
    const config = await readConfig(ctx.read, input.target);
    await ctx.effect(cloneEffect(input.target, config, wish(input)));
    return { vmid: input.newid, node: input.params.node ?? input.target.node };
  },

  verify: (ctx, input) => verifyClone(ctx, input.target, wish(input)),

  docs: {
    summary:
      'Makes a new guest from a guest or template: linked or full, on the same node or, with shared storage, on another.',
    example: { target: 'vm/9000', params: { name: 'web2' } },
  },
});
