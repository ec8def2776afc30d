import { z } from 'zod';
import { defineAction } from '../define.ts';
import { notTemplate, readStatus, startCall, stopCall, untilStatus, verifyStatus } from '../parts/guest.ts';

export default defineAction({
  name: 'vm.stop',
  title: 'Stop a VM at once',
  aliases: ['stop_vm'],
  target: 'vm',
  params: z.strictObject({}),
  risk: { base: 'medium', why: 'the plug is pulled: what the guest has not written yet is lost', approval: 'always' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.PowerMgmt' }],

  async preflight(ctx, { target }) {
    return [await notTemplate(ctx, target)];
  },

  async run(ctx, { target }) {
    const status = await readStatus(ctx.read, target);
    if (status.status === 'stopped') return { status: 'stopped', changed: false };
    await ctx.effect({ ...stopCall(target, status), undo: { kind: 'effect', effect: startCall(target, status) } });
    if (status.managed) await untilStatus(ctx, target, 'stopped', 120);
    return { status: 'stopped', changed: true };
  },

  verify: (ctx, { target }) => verifyStatus(ctx, target, 'stopped'),

  docs: {
    summary: 'Switches the guest off without asking it. Use `vm.shutdown` where it still answers.',
    example: { target: 'vm/303', params: {} },
  },
});
