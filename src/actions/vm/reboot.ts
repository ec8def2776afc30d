import { z } from 'zod';
import { defineAction } from '../define.ts';
import { guestPath, label, readStatus, untilStatus, verifyStatus, when } from '../parts/guest.ts';

export default defineAction({
  name: 'vm.reboot',
  title: 'Reboot a VM',
  aliases: ['reboot_vm'],
  target: 'vm',
  params: z.strictObject({
    timeout: z.int().min(1).max(3600).default(180).describe('Seconds that the guest gets to shut itself down.'),
  }),
  risk: { base: 'medium', why: 'what the guest serves is away while it reboots; pending changes take effect' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.PowerMgmt' }],

  async preflight({ read }, { target }) {
    const { status, name } = await readStatus(read, target);
    return [
      when(status === 'running', 'running', 'the guest runs', `${label(target, name)} is stopped; start it instead`),
    ];
  },

  async run(ctx, { target, params }) {
    const before = await readStatus(ctx.read, target);
    await ctx.effect({
      title: `Reboot ${label(target, before.name)}`,
      method: 'POST',
      path: `${guestPath(target)}/status/reboot`,
      params: { timeout: params.timeout },
      task: 'qmreboot',
      // A younger guest than before has been rebooted; nothing else could tell.
      settled: async (read) => {
        const now = await readStatus(read, target);
        return now.status === 'running' && now.uptime < before.uptime;
      },
      resend: 'ask',
      undo: { kind: 'none', why: 'a reboot leaves nothing to take back' },
    });
    // The task ends with the shutdown; the start follows by itself (qmeventd).
    await untilStatus(ctx, target, 'running', 180);
    return { status: 'running', changed: true };
  },

  verify: (ctx, { target }) => verifyStatus(ctx, target, 'running'),

  docs: {
    summary: 'Shuts the guest down and starts it again, so that pending changes take effect.',
    example: { target: 'vm/303', params: {} },
  },
});
