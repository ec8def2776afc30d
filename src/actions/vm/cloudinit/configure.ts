import { z } from 'zod';
import { defineAction, type ActionInput, type Read, type Target } from '../../define.ts';
import { configEffect, differences, verifySettings } from '../../parts/change.ts';
import { cloudInitFields, cloudInitSettings } from '../../parts/cloudinit.ts';
import { guestPath, label, pass, readConfig, readStatus, warn, when, type Config } from '../../parts/guest.ts';

const params = z
  .strictObject(cloudInitFields)
  .refine((value) => Object.keys(value).length > 0, 'name at least one setting');
type Input = ActionInput<z.output<typeof params>>;
const settings = (input: Input) => cloudInitSettings(input.params);

/** Whether a setting differs from what the image was last made from. Never made counts as not. */
async function isStale(read: Read, target: Target): Promise<boolean> {
  const rows = (await read(`${guestPath(target)}/cloudinit`)) as readonly Config[];
  return rows.some((row) => row['pending'] !== undefined || row['delete'] !== undefined);
}

export default defineAction({
  name: 'vm.cloudinit.configure',
  title: 'Change cloud-init settings',
  aliases: ['configure_cloudinit', 'cloudinit.configure'],
  target: 'vm',
  params,
  risk: { base: 'medium', why: 'the guest takes users, keys and addresses from it at its next start' },

  permissions: ({ target }) =>
    ['VM.Config.Cloudinit', 'VM.Config.Network'].map((privilege) => ({ path: `/vms/${target.vmid}`, privilege })),

  async preflight({ read }, { target }) {
    const config = await readConfig(read, target);
    const drive = Object.entries(config).some(
      ([key, value]) => /^(ide|sata|scsi)\d+$/.test(key) && /cloudinit/.test(String(value)),
    );
    const { status } = await readStatus(read, target);
    return [
      when(drive, 'cloud-init drive', 'there is one', `${label(target, config['name'])} has no cloud-init drive`),
      status === 'running'
        ? warn('reboot', 'the guest runs: the new settings reach it when it is rebooted')
        : pass('reboot', 'the guest is stopped: the settings reach it when it is started'),
    ];
  },

  async run(ctx, input) {
    const { target } = input;
    const config = await readConfig(ctx.read, target);
    const { status } = await readStatus(ctx.read, target);
    const wanted = differences(config, settings(input));
    const names = Object.keys(wanted);
    if (names.length === 0) return { changed: [], reboot_needed: false };
    await ctx.effect(
      configEffect(target, `Set ${names.join(', ')} of ${label(target, config['name'])}`, config, wanted),
    );
    // While the guest runs, QEMU holds the image; PVE writes it anew at the next start.
    if (status === 'stopped') {
      const stale = await isStale(ctx.read, target);
      await ctx.effect({
        title: `Regenerate the cloud-init image of ${label(target, config['name'])}`,
        method: 'PUT',
        path: `${guestPath(target)}/cloudinit`,
        // PVE keeps what the image was made from: where that differed before and does not now, it was made anew.
        settled: async (read) => stale && !(await isStale(read, target)),
        resend: 'safe',
        undo: { kind: 'none', why: 'the image is made anew from the settings at every start' },
      });
    }
    return { changed: names, reboot_needed: status === 'running' };
  },

  verify: (ctx, input) => verifySettings(ctx, input.target, settings(input)),

  docs: {
    summary:
      'Sets user, password, SSH keys, addresses and DNS that the guest takes from its cloud-init drive, makes the image anew, and says whether a reboot is needed.',
    example: { target: 'vm/301', params: { user: 'admin', ipconfig: { '0': { ip: 'dhcp' } } } },
  },
});
