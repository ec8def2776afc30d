import { z } from 'zod';
import { defineAction, type ActionInput } from '../define.ts';
import { configEffect, differences, verifySettings, type Settings } from '../parts/change.ts';
import { cores, description, guestName, memory, tags } from '../parts/fields.ts';
import { label, pass, readConfig, readStatus, warn } from '../parts/guest.ts';

const UNSETTABLE = ['description', 'tags', 'balloon', 'onboot', 'agent', 'startup', 'cpu', 'protection'] as const;

const params = z
  .strictObject({
    name: guestName.optional(),
    description: description.optional(),
    cores: cores.optional(),
    sockets: z.int().min(1).max(4).optional().describe('CPU sockets.'),
    cpu: z
      .string()
      .regex(/^[\w.,=+;-]+$/, 'must be a CPU type such as host or x86-64-v2-AES')
      .optional()
      .describe('CPU type, as PVE names it.'),
    memory: memory.optional(),
    balloon: z
      .int()
      .min(0)
      .optional()
      .describe('Least memory in MiB that ballooning may leave; 0 turns ballooning off.'),
    tags: tags.optional(),
    onboot: z.boolean().optional().describe('Start the guest when its node starts.'),
    startup: z
      .string()
      .regex(/^(order=)?\d+(,(up|down)=\d+)*$|^(up|down)=\d+$/, 'must be such as order=2,up=30')
      .optional()
      .describe('Order and delays of start and shutdown.'),
    agent: z.boolean().optional().describe('Use the QEMU guest agent.'),
    protection: z.boolean().optional().describe('Refuse to remove the guest and its disks.'),
    unset: z.array(z.enum(UNSETTABLE)).optional().describe('Settings to take away, so that PVE’s default holds.'),
  })
  .refine((value) => Object.keys(value).length > 0, 'name at least one setting')
  .refine(({ unset = [], ...given }) => unset.every((name) => given[name] === undefined), {
    message: 'names a setting that is also given a value',
    path: ['unset'],
  });

type Input = ActionInput<z.output<typeof params>>;

function settings({ params: { unset = [], tags, onboot, agent, protection, ...plain } }: Input): Settings {
  const flag = (name: string, value: boolean | undefined) => (value === undefined ? {} : { [name]: Number(value) });
  const given = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined)) as Settings;
  return {
    ...given,
    ...(tags === undefined ? {} : { tags: tags.join(';') }),
    ...flag('onboot', onboot),
    ...flag('agent', agent),
    ...flag('protection', protection),
    ...Object.fromEntries(unset.map((name) => [name, undefined])),
  };
}

const needed: Readonly<Record<string, string>> = {
  cores: 'VM.Config.CPU',
  sockets: 'VM.Config.CPU',
  cpu: 'VM.Config.CPU',
  memory: 'VM.Config.Memory',
  balloon: 'VM.Config.Memory',
};

export default defineAction({
  name: 'vm.configure',
  title: 'Change settings of a VM',
  aliases: ['configure_vm', 'update_vm'],
  target: 'vm',
  params,
  risk: { base: 'medium', why: 'the guest changes now or at its next start' },

  permissions: (input) =>
    [...new Set(Object.keys(settings(input)).map((key) => needed[key] ?? 'VM.Config.Options'))].map((privilege) => ({
      path: `/vms/${input.target.vmid}`,
      privilege,
    })),

  async preflight({ read }, { target }) {
    const { status } = await readStatus(read, target);
    return [
      status === 'running'
        ? warn('running', 'what cannot change while the guest runs takes effect at its next start')
        : pass('stopped', 'everything takes effect at the next start'),
    ];
  },

  async run(ctx, input) {
    const { target } = input;
    const config = await readConfig(ctx.read, target);
    const wanted = differences(config, settings(input));
    const names = Object.keys(wanted);
    if (names.length === 0) return { changed: [] };
    await ctx.effect(
      configEffect(target, `Set ${names.join(', ')} of ${label(target, config['name'])}`, config, wanted),
    );
    return { changed: names };
  },

  verify: (ctx, input) => verifySettings(ctx, input.target, settings(input)),

  docs: {
    summary:
      'Sets name, notes, CPU, memory, tags and start options. Only what differs is sent; the plan says for each field whether it holds at once or after a reboot.',
    example: { target: 'vm/301', params: { cores: 2, memory: 4096, tags: ['web', 'tier-2'] } },
  },
});
