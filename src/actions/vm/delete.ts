import { z } from 'zod';
import { defineAction, type Read, type Target } from '../define.ts';
import { guestPath, isTemplate, label, readConfig, readStatus, when, type Config } from '../parts/guest.ts';

const uuidOf = (config: Config | undefined): string =>
  /uuid=([^,]+)/.exec(String(config?.['smbios1'] ?? ''))?.[1] ?? '';

/** Gone, or another guest that took the number since. */
const goneIs =
  (target: Target, uuid: string) =>
  async (read: Read): Promise<boolean> => {
    const config = await readConfig(read, target).catch(() => undefined);
    return config === undefined || uuidOf(config) !== uuid;
  };

/** The volumes of linked clones begin with the name of the template's (FACTS 27); PVE looks only in the task. */
async function linkedVolumes(read: Read, { node }: Target, config: Config): Promise<string[]> {
  const bases = Object.values(config).flatMap((value) => /^[^:,]+:(?:[^,]*\/)?base-[^,]+/.exec(String(value)) ?? []);
  const storages = [...new Set(bases.map((volid) => volid.slice(0, volid.indexOf(':'))))];
  const contents = await Promise.all(
    storages.map((storage) => read(`/nodes/${node}/storage/${storage}/content`, { content: 'images' })),
  );
  const volids = contents.flatMap((rows) => (rows as readonly Config[]).map(({ volid }) => String(volid)));
  return volids.filter((volid) => bases.some((base) => volid.startsWith(`${base}/`)));
}

export default defineAction({
  name: 'vm.delete',
  title: 'Delete a VM',
  aliases: ['delete_vm'],
  target: 'vm',
  params: z.strictObject({
    purge: z
      .boolean()
      .default(true)
      .describe('Also take the guest out of backup jobs, replication, high availability and firewall.'),
    destroy_unreferenced_disks: z
      .boolean()
      .default(false)
      .describe('Also delete disks of this VMID that the guest does not use.'),
  }),
  risk: { base: 'high', why: 'the guest and its disks are gone for good; only a backup brings them back' },

  permissions: ({ target }) => [{ path: `/vms/${target.vmid}`, privilege: 'VM.Allocate' }],

  async preflight({ read }, { target }) {
    const config = await readConfig(read, target);
    const { status } = await readStatus(read, target);
    const name = label(target, config['name']);
    const linked = isTemplate(config) ? await linkedVolumes(read, target, config) : [];
    return [
      when(status === 'stopped', 'stopped', 'the guest is stopped', `${name} is running; shut it down first`),
      when(
        Number(config['protection'] ?? 0) === 0,
        'protection',
        'the guest is not protected',
        `${name} is protected; take the protection away with vm.configure first`,
      ),
      when(
        linked.length === 0,
        'linked clones',
        'none stands on it',
        `${name} is the base of linked clones, which would lose their disks: ${linked.join(', ')}`,
      ),
    ];
  },

  async run(ctx, { target, params }) {
    const config = await readConfig(ctx.read, target);
    await ctx.effect({
      title: `Delete ${label(target, config['name'])} with its disks`,
      method: 'DELETE',
      path: guestPath(target),
      params: { purge: Number(params.purge), 'destroy-unreferenced-disks': Number(params.destroy_unreferenced_disks) },
      task: 'qmdestroy',
      settled: goneIs(target, uuidOf(config)),
      resend: 'safe',
      undo: { kind: 'irreversible', why: 'a deleted guest comes back only from a backup' },
    });
    return { deleted: target.text };
  },

  async verify({ find }, { target }) {
    const config = await find(`${guestPath(target)}/config`);
    return [when(config === undefined, `${target.text} is gone`, 'it no longer exists', 'it still exists')];
  },

  docs: {
    summary: 'Removes a stopped, unprotected guest with its disks and its place in backup jobs and high availability.',
    example: { target: 'vm/302', params: {} },
  },
});
