import { z } from 'zod';
import { defineAction } from '../define.ts';
import {
  guestPath,
  isStopped,
  label,
  notTemplate,
  readStatus,
  startCall,
  untilStatus,
  verifyStatus,
} from '../parts/guest.ts';

export default defineAction({
  name: 'vm.shutdown',
  title: 'Shut a VM down',
  aliases: ['shutdown_vm'],
  target: 'vm',
  params: z.strictObject({
    timeout: z.int().min(1).max(3600).default(180).describe('Seconds that the guest gets to shut itself down.'),
    force_stop: z
      .boolean()
      .default(false)
      .describe('Pull the plug when the time is over; otherwise the plan fails then.'),
  }),
  risk: { base: 'medium', why: 'what the guest serves goes away until it is started again' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.PowerMgmt' }],

  async preflight(ctx, { target }) {
    return [await notTemplate(ctx, target)];
  },

  async run(ctx, { target, params }) {
    const status = await readStatus(ctx.read, target);
    if (status.status === 'stopped') return { status: 'stopped', changed: false };
    await ctx.effect({
      title: `Shut ${label(target, status.name)} down`,
      method: 'POST',
      path: `${guestPath(target)}/status/shutdown`,
      params: { timeout: params.timeout, ...(params.force_stop ? { forceStop: 1 } : {}) },
      task: status.managed ? 'hastop' : 'qmshutdown',
      settled: isStopped(target),
      resend: 'safe',
      stoppable: true,
      undo: { kind: 'effect', effect: startCall(target, status) },
    });
    if (status.managed) await untilStatus(ctx, target, 'stopped', params.timeout + 60);
    return { status: 'stopped', changed: true };
  },

  verify: (ctx, { target }) => verifyStatus(ctx, target, 'stopped'),

  docs: {
    summary: 'Asks the guest to shut itself down and waits for it.',
    example: { target: 'vm/303', params: { timeout: 120 } },
  },
});
