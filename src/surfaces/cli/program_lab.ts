import type { Command } from 'commander';
import type { Act } from './program.ts';

/** Who one is and what there is. */
export function addLabCommands(program: Command, act: Act): void {
  const env = program.command('env').description('environments');
  env
    .command('list')
    .description('list the environments and how they are')
    .action(act(async () => (await import('./commands/lab.ts')).listEnvironments));
  for (const [verb, what] of [
    ['freeze', 'stop every apply of an environment; running operations wait after their current step'],
    ['thaw', 'let the operations of a frozen environment go on; only for people'],
  ] as const) {
    env
      .command(`${verb} <name>`)
      .description(what)
      .requiredOption('--reason <text>', 'why; everybody whose change waits sees it')
      .action(act(async () => (await import('./commands/freeze.ts'))[verb]));
  }
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
