import { z } from 'zod';
import { AgentError } from '../../kernel/errors.ts';
import { fit } from '../../kernel/fit.ts';
import { defineAction, type Check, type Target } from '../define.ts';
import { when } from '../parts/guest.ts';
import { HOST_COMMAND_NAMES, HOST_COMMANDS, type HostCommand } from '../parts/host_commands.ts';

const params = z
  .strictObject({
    command: z.enum(HOST_COMMAND_NAMES).describe('The command, by name; there are no others.'),
    args: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .default({})
      .describe('Its arguments; each command has its own.'),
  })
  .superRefine(({ command, args }, ctx) => {
    const parsed = fit(HOST_COMMANDS[command].args, args);
    if (parsed.success) return;
    for (const { path, what } of parsed.misfits)
      ctx.addIssue({ code: 'custom', path: ['args', ...path], message: what });
  });

const lineOf = ({ command, args }: z.output<typeof params>): readonly string[] => {
  const { argv, timeout }: HostCommand = HOST_COMMANDS[command];
  return ['timeout', String(timeout), ...argv(args)];
};

interface Facts {
  readonly user: string;
  readonly address: string;
}

export default defineAction({
  name: 'host.run',
  title: 'Run a command on a node',
  target: 'node',
  params,
  risk: { base: 'high', why: 'a command runs on the host itself, below all its guests' },

  // SSH is not PVE: which commands a key may run is the host's own affair.
  permissions: () => [],

  async preflight({ read }, { target, params: { command } }) {
    const facts = (await read(`/ssh/${target.id}`)) as Facts | null;
    const missing = `no SSH access to ${target.id} is configured; add ssh.hosts.${target.id} to the environment`;
    const reach = when(facts !== null, 'SSH access', `as ${facts?.user}@${facts?.address}`, missing);
    const unknown: Check = {
      check: 'rehearsal',
      result: 'warn',
      detail: `what ${command} does on ${target.id} is not rehearsed: there is no twin of a host`,
    };
    return [reach, unknown];
  },

  async run(ctx, { target, params: given }) {
    const id = ctx.mark();
    const { data } = await ctx.effect({
      title: `Run ${given.command} on ${target.text}`,
      method: 'POST',
      path: `/ssh/${target.id}/run`,
      params: { argv: lineOf(given), id },
      runtime: { id: 'the number of this step in its operation' },
      marked: { node: target.id, id },
      settled: () => Promise.resolve(false),
      resend: 'safe',
      undo: { kind: 'irreversible', why: 'what a command did on a host is not known to Proxmox VE' },
    });
    const { exit, output } = data as { exit: number; output: string };
    if (exit !== 0)
      throw new AgentError(
        'PVE_TASK_FAILED',
        `${given.command} on ${target.id} ${ending(exit, target)}: ${output.trim().slice(-400)}`,
      );
    return { exit, output };
  },

  // The exit status is all that is promised of every command, and it was looked at.
  verify: async () => [],

  docs: {
    summary:
      'Runs one of a few named commands with checked arguments on a node over SSH. It runs once, whatever is lost on the way.',
    example: { target: 'node/pve1', params: { command: 'zpool.scrub', args: { pool: 'rpool' } } },
  },
});

/** `timeout` ends a command with 124. */
const ending = (exit: number, { id }: Target): string =>
  exit === 124
    ? 'was ended because it took too long'
    : exit === 127
      ? `is not installed on ${id}`
      : `ended with ${exit}`;
