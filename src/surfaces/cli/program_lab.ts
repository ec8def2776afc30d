import type { Command } from 'commander';
import type { Act } from './program.ts';

/** Who one is and what there is. */
export function addLabCommands(program: Command, act: Act): void {
  const env = program.command('env').description('environments');
  env
    .command('list')
    .description('list the environments and how they are')
    .action(act(async () => (await import('./commands/lab.ts')).listEnvironments));
  env
    .command('check <name>')
    .description('what its token can do, against what the actions need; fails when something is missing')
    .action(act(async () => (await import('./commands/env.ts')).check));
  env
    .command('bootstrap <name>')
    .description('print the commands that make a user, a least role and a token for an environment')
    .option('--pve <major>', 'Proxmox VE 8 or 9', '9')
    .option('--user <user>', 'the user to make', 'agent@pve')
    .action(act(async () => (await import('./commands/env.ts')).bootstrap));
  const reason = ['--reason <text>', 'why; everybody whose change waits sees it'] as const;
  env
    .command('freeze <name>')
    .description('stop every apply of an environment; running operations wait after their current step')
    .requiredOption(...reason)
    .option('--until <time>', 'when it ends by itself, such as 2026-12-24T18:00:00+01:00')
    .action(act(async () => (await import('./commands/freeze.ts')).freeze));
  env
    .command('thaw <name>')
    .description('let the operations of a frozen environment go on; only for people')
    .requiredOption(...reason)
    .action(act(async () => (await import('./commands/freeze.ts')).thaw));
  program
    .command('nodes')
    .description('list the nodes of an environment')
    .action(act(async () => (await import('./commands/lab.ts')).listNodes));
  program
    .command('inventory')
    .description('list the guests of an environment')
    .option('--state <state>', 'only guests in this state, such as running')
    .option('--tag <tag>', 'only guests with this tag')
    .option('--node <node>', 'only guests on this node')
    .action(act(async () => (await import('./commands/lab.ts')).listGuests));
  program
    .command('status <target>')
    .description('show how a VM is, such as vm/101')
    .action(act(async () => (await import('./commands/lab.ts')).showStatus));
  program
    .command('tasks')
    .description('list recent tasks of Proxmox VE')
    .option('--node <node>', 'only tasks of this node, with its archive')
    .action(act(async () => (await import('./commands/lab.ts')).listTasks));
  program
    .command('actions [name]')
    .description('list what can be done, or show one action with its parameters')
    .action(act(async () => (await import('./commands/actions.ts')).showActions));
}
