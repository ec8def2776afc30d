import { z } from 'zod';
import { defineAction, type ActionContext, type ActionInput, type Check, type Effect, type Target } from '../define.ts';
import { agentEnabled, waitForAddresses } from '../parts/agent.ts';
import { configEffect, differences, verifySettings, type Settings } from '../parts/change.ts';
import { checkSource, cloneEffect, cloneTarget, verifyClone } from '../parts/clone.ts';
import { cloudInitFields, cloudInitSettings } from '../parts/cloudinit.ts';
import { checkGrowth, parseSize, resizeEffect, sizeOf, verifySize, wantedSize } from '../parts/disk.ts';
import {
  cores,
  description,
  diskSize,
  diskSlot,
  guestName,
  memory,
  newid,
  nodeName,
  poolId,
  storageId,
  tags,
} from '../parts/fields.ts';
import { fail, isTemplate, label, readConfig, startEffect, stopCall, verifyStatus, when } from '../parts/guest.ts';
import { clonePermissions } from './clone.ts';

const params = z.strictObject({
  newid,
  name: guestName,
  full: z.boolean().default(false).describe('Own disks instead of a linked clone.'),
  storage: storageId.optional(),
  node: nodeName.optional(),
  pool: poolId.optional(),
  description: description.optional(),
  cores: cores.optional(),
  memory: memory.optional(),
  tags: tags.optional(),
  onboot: z.boolean().optional().describe('Start the guest when its node starts.'),
  disk: z
    .strictObject({ slot: diskSlot.default('scsi0'), size: diskSize })
    .optional()
    .describe('Grow this disk of the clone before the first start.'),
  cloudinit: z
    .strictObject(cloudInitFields)
    .optional()
    .describe('Settings for the first boot; the template needs a cloud-init drive.'),
  start: z.boolean().default(true).describe('Start the guest when it is made.'),
  wait: z
    .int()
    .min(0)
    .max(3600)
    .default(300)
    .describe('Seconds to wait for the guest agent and an address after the start; 0 does not wait.'),
});

type Input = ActionInput<z.output<typeof params>>;
const wish = (input: Input) => ({ ...input.params, newid: input.newid });

function settings({ params }: Input): Settings {
  return {
    ...(params.cores === undefined ? {} : { cores: params.cores }),
    ...(params.memory === undefined ? {} : { memory: params.memory }),
    ...(params.tags === undefined ? {} : { tags: params.tags.join(';') }),
    ...(params.onboot === undefined ? {} : { onboot: Number(params.onboot) }),
    ...(params.cloudinit === undefined ? {} : cloudInitSettings(params.cloudinit)),
  };
}

/** Every later step goes away with the guest, so undoing the clone undoes all. */
const goesWith = (clone: Effect): Effect['undo'] => ({ kind: 'with', title: clone.title });

async function startAndWait(ctx: ActionContext, made: Target, input: Input, agent: boolean) {
  const status = { name: input.params.name, managed: false, status: 'stopped', uptime: 0 } as const;
  await ctx.effect(startEffect(made, status, { kind: 'effect', effect: stopCall(made, status) }));
  return agent && input.params.wait > 0 ? waitForAddresses(ctx, made, input.params.wait) : [];
}

export default defineAction({
  name: 'vm.create_from_template',
  title: 'Create a VM from a template',
  aliases: ['create_vm_from_template'],
  target: 'vm',
  params,
  risk: { base: 'medium', why: 'a new guest takes space, memory and addresses' },
  newGuest: 'newid',

  permissions: ({ target, params, newid }) => [
    ...clonePermissions(target.vmid, newid, params.storage, params.pool),
    ...[
      'VM.Config.CPU',
      'VM.Config.Memory',
      'VM.Config.Options',
      'VM.Config.Cloudinit',
      'VM.Config.Disk',
      'VM.PowerMgmt',
    ].map((privilege) => ({ path: `/vms/${newid}`, privilege })),
  ],

  async preflight(ctx, input): Promise<Check[]> {
    const config = await readConfig(ctx.read, input.target);
    if (!isTemplate(config)) return [fail('template', `${label(input.target, config['name'])} is not a template`)];
    const drive = Object.values(config).some((value) => /cloudinit/.test(String(value)));
    const { disk, cloudinit } = input.params;
    return [
      ...(await checkSource(ctx, input.target, wish(input))),
      ...(cloudinit === undefined
        ? []
        : [
            when(
              drive,
              'cloud-init drive',
              'the template has one',
              'the template has no cloud-init drive, so the settings would never reach the guest',
            ),
          ]),
      ...(disk === undefined ? [] : [checkGrowth(config, input.target, disk.slot, disk.size)]),
    ];
  },

  async run(ctx, input) {
    const { target, params } = input;
    const template = await readConfig(ctx.read, target);
    const clone = cloneEffect(target, template, wish(input));
    await ctx.effect(clone);
    const made = cloneTarget(target, wish(input));

    const config = await readConfig(ctx.read, made);
    const wanted = differences(config, settings(input));
    if (Object.keys(wanted).length > 0) {
      await ctx.effect(
        configEffect(
          made,
          `Set ${Object.keys(wanted).join(', ')} of ${label(made, params.name)}`,
          config,
          wanted,
          goesWith(clone),
        ),
      );
    }
    if (params.disk !== undefined) {
      const now = sizeOf(config, params.disk.slot) ?? 0;
      const bytes = wantedSize(now, params.disk.size);
      if (bytes > now)
        await ctx.effect(
          resizeEffect(made, { ...config, name: params.name }, params.disk.slot, bytes, goesWith(clone)),
        );
    }
    const addresses = params.start ? await startAndWait(ctx, made, input, agentEnabled(config)) : [];
    return { vmid: made.vmid, node: made.node, name: params.name, addresses };
  },

  async verify(ctx, input) {
    const made = cloneTarget(input.target, wish(input));
    const { disk, start } = input.params;
    const there = await verifyClone(ctx, input.target, wish(input));
    if (there.some(({ result }) => result === 'fail')) return there;
    return [
      ...there,
      ...(await verifySettings(ctx, made, settings(input))),
      ...(disk === undefined || disk.size.startsWith('+')
        ? []
        : [await verifySize(ctx, made, disk.slot, parseSize(disk.size))]),
      ...(start ? await verifyStatus(ctx, made, 'running') : []),
    ];
  },

  docs: {
    summary:
      'One plan for a ready guest: reserves a VMID, clones the template, sets resources, disk and cloud-init, starts it, waits for the guest agent and reports its addresses. If a step fails, it removes what it made, and only that.',
    example: {
      target: 'vm/9000',
      params: {
        name: 'web1',
        cores: 2,
        memory: 2048,
        tags: ['web'],
        disk: { size: '20G' },
        cloudinit: { user: 'admin', ipconfig: { '0': { ip: '192.168.30.61/24', gw: '192.168.30.1' } } },
      },
    },
  },
});
