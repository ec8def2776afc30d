import { z } from 'zod';
import { defineAction } from '../define.ts';
import { checkGrowth, formatSize, resizeEffect, sizeOf, verifySize, wantedSize } from '../parts/disk.ts';
import { diskSize, diskSlot } from '../parts/fields.ts';
import { readConfig } from '../parts/guest.ts';

export default defineAction({
  name: 'disk.resize',
  title: 'Grow a disk',
  aliases: ['resize_disk', 'storage.resize_disk'],
  target: 'vm',
  params: z.strictObject({ disk: diskSlot, size: diskSize }),
  risk: { base: 'medium', why: 'a disk that has grown cannot be made smaller again' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.Config.Disk' }],

  async preflight({ read }, { target, params }) {
    return [checkGrowth(await readConfig(read, target), target, params.disk, params.size)];
  },

  async run(ctx, { target, params }) {
    const config = await readConfig(ctx.read, target);
    const now = sizeOf(config, params.disk) ?? 0;
    const bytes = wantedSize(now, params.size);
    if (bytes > now) {
      await ctx.effect(
        resizeEffect(target, config, params.disk, bytes, {
          kind: 'irreversible',
          why: 'Proxmox VE cannot make a disk smaller',
        }),
      );
    }
    return { disk: params.disk, before: formatSize(now), after: formatSize(Math.max(now, bytes)) };
  },

  async verify(ctx, { target, params }) {
    // Of a growth by an amount only the amount is known here: the least that the disk can have now.
    return [await verifySize(ctx, target, params.disk, wantedSize(0, params.size))];
  },

  docs: {
    summary: 'Grows a disk to a size or by an amount. Shrinking is refused, because it would cut off data.',
    example: { target: 'vm/301', params: { disk: 'scsi0', size: '+8G' } },
  },
});
