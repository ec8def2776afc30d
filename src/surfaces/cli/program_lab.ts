import type { Command } from 'commander';
import type { Act } from './program.ts';

/** Who one is and what there is. */
export function addLabCommands(program: Command, act: Act): void {
  program
    .command('login')
    .description('keep an API token for this user, or become the owner with the one-time link')
    .option('--token <token>', 'env:NAME, file:PATH, - for the standard input, or the token itself')
    .option('--owner <code>', 'the one-time link, or the code in it, that the server printed')
    .action(act(async () => (await import('./commands/session.ts')).login));
  program
    .command('whoami')
    .description('show whose token is used and what it may do')
    .action(act(async () => (await import('./commands/session.ts')).whoami));
  const env = program.command('env').description('environments');
  env
    .command('list')
    .description('list the environments and how they are')
    .action(act(async () => (await import('./commands/lab.ts')).listEnvironments));
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
