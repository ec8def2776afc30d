import { z } from 'zod';
import { defineAction } from '../define.ts';
import { guestPath, label, notTemplate, readStatus, startEffect, untilStatus, verifyStatus } from '../parts/guest.ts';

export default defineAction({
  name: 'vm.start',
  title: 'Start a VM',
  aliases: ['start_vm'],
  target: 'vm',
  params: z.strictObject({}),
  risk: { base: 'medium', why: 'a guest begins to run and use memory' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.PowerMgmt' }],

  async preflight(ctx, { target }) {
    return [await notTemplate(ctx, target)];
  },

  async run(ctx, { target }) {
    const status = await readStatus(ctx.read, target);
    if (status.status === 'running') return { status: 'running', changed: false };
    await ctx.effect(
      startEffect(target, status, {
        kind: 'effect',
        effect: {
          title: `Shut ${label(target, status.name)} down again`,
          method: 'POST',
          path: `${guestPath(target)}/status/shutdown`,
          params: { timeout: 60, forceStop: 1 },
          task: status.managed ? 'hastop' : 'qmshutdown',
          settled: async (read) => (await readStatus(read, target)).status === 'stopped',
          resend: 'safe',
        },
      }),
    );
    if (status.managed) await untilStatus(ctx, target, 'running', 300);
    return { status: 'running', changed: true };
  },

  verify: (ctx, { target }) => verifyStatus(ctx, target, 'running'),

  docs: {
    summary: 'Starts a stopped guest and waits until it runs. A guest that runs already is left alone.',
    example: { target: 'vm/301', params: {} },
  },
});
