import { z } from 'zod';
import { defineAction, type ActionContext, type Target } from '../define.ts';
import { agentEnabled, waitForAddresses } from '../parts/agent.ts';
import { FIRST_BOOT } from '../parts/first_boot.ts';
import { guestPath, label, readConfig, readStatus, verifyStatus, when, type Config } from '../parts/guest.ts';
import { AgentError, isAgentError } from '../../kernel/errors.ts';
import { RUN_ONCE } from '../../kernel/once_script.ts';

const names = Object.keys(FIRST_BOOT) as [keyof typeof FIRST_BOOT, ...(keyof typeof FIRST_BOOT)[]];

interface Exit {
  readonly exitcode: number;
  readonly output: string;
}

/**
 * Runs a named command in the guest, once in its life, however often it is sent: a call whose answer was lost is sent
 * again and waits for the end of the command that the lost one began.
 */
async function runOnce(ctx: ActionContext, target: Target, name: keyof typeof FIRST_BOOT): Promise<Exit> {
  const once = ['/bin/sh', '-c', RUN_ONCE, 'sh', '/var/lib/proxmox-agent/first-boot', name];
  const { data } = await ctx.effect({
    title: `Run "${name}" in ${target.text}`,
    method: 'POST',
    path: `${guestPath(target)}/agent/exec`,
    params: { command: [...once, '/bin/sh', '-c', FIRST_BOOT[name].script] },
    settled: () => Promise.resolve(false),
    resend: 'safe',
    undo: { kind: 'irreversible', why: 'what a command did in the guest is the guest’s' },
  });
  const pid = (data as { pid?: unknown } | null)?.pid;
  const exit = await ctx.waitUntil(`"${name}" to end in ${target.text}`, (read) => exitOf(read, target, pid), {
    every: 2,
    timeout: FIRST_BOOT[name].timeout,
  });
  if (exit.exitcode !== 0)
    throw new AgentError(
      'PVE_TASK_FAILED',
      `"${name}" ended with ${exit.exitcode} in ${target.text}: ${exit.output.slice(-400)}`,
    );
  return exit;
}

async function exitOf(read: ActionContext['read'], target: Target, pid: unknown): Promise<Exit | undefined> {
  try {
    const status = (await read(`${guestPath(target)}/agent/exec-status`, { pid: Number(pid) })) as Config;
    if (Number(status['exited'] ?? 0) !== 1) return undefined;
    return {
      exitcode: Number(status['exitcode'] ?? 0),
      output: String(status['err-data'] ?? status['out-data'] ?? ''),
    };
  } catch (error) {
    // PVE forgets a result once it was read: after a crash in that moment only its end is known.
    if (
      isAgentError(error, 'PVE_REJECTED') &&
      /PID .*does not exist|no such process|invalid parameter/i.test(error.message)
    )
      return { exitcode: 0, output: 'ended; its output was read before' };
    throw error;
  }
}

export default defineAction({
  name: 'vm.bootstrap',
  title: 'Wait for a VM and run first-boot commands',
  aliases: ['bootstrap_vm'],
  target: 'vm',
  params: z.strictObject({
    wait: z.int().min(1).max(3600).default(300).describe('Seconds to wait for the guest agent and an address.'),
    commands: z
      .array(z.enum(names))
      .default([])
      .describe('Commands to run in the guest, by name, in this order; each runs once in the life of the guest.'),
  }),
  risk: { base: 'medium', why: 'commands run in the guest with all rights' },

  permissions: ({ target, params }) => [
    {
      path: `/vms/${target.vmid}`,
      privilege: params.commands.length > 0 ? 'VM.GuestAgent.Unrestricted' : 'VM.GuestAgent.Audit',
    },
  ],

  async preflight({ read }, { target }) {
    const config = await readConfig(read, target);
    const { status } = await readStatus(read, target);
    return [
      when(
        agentEnabled(config),
        'guest agent',
        'it is enabled',
        `${label(target, config['name'])} has no guest agent enabled; set it with vm.configure and reboot`,
      ),
      when(
        status === 'running',
        'running',
        'the guest runs',
        `${label(target, config['name'])} is stopped; start it first`,
      ),
    ];
  },

  async run(ctx, { target, params }) {
    const addresses = await waitForAddresses(ctx, target, params.wait);
    const ran: Record<string, string> = {};
    for (const name of params.commands) ran[name] = (await runOnce(ctx, target, name)).output;
    return { addresses, commands: ran };
  },

  verify: (ctx, { target }) => verifyStatus(ctx, target, 'running'),

  docs: {
    summary:
      'Waits until the guest agent answers, reads the addresses, and runs first-boot commands by name through the agent.',
    example: { target: 'vm/121', params: { commands: ['wait-for-cloud-init'] } },
  },
});
