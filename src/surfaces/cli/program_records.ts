import type { Command } from 'commander';
import type { Act } from './program.ts';

const append = (value: string, before: string[] = []): string[] => [...before, value];

/** Audit, tokens, backup of the server's store, shell completion. */
export function addRecordCommands(program: Command, act: Act): void {
  addAudit(program, act);
  addTokens(program, act);
  addStore(program, act);
  program
    .command('completion <shell>')
    .description('print the completion script for bash, zsh or fish')
    .action(act(async () => (await import('./commands/completion.ts')).printScript));
  program
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .helpOption(false)
    .action(act(async () => (await import('./commands/completion.ts')).complete));
}

function addStore(program: Command, act: Act): void {
  const store = program.command('store').description("the server's own data");
  store
    .command('backup <file>')
    .description('write a consistent copy of the database to a file on the machine of the server')
    .action(act(async () => (await import('./commands/store.ts')).backup));
  store
    .command('restore <file>')
    .description('make a backup the database of a data directory of this machine; the server has to be stopped')
    .option('--data <directory>', 'the data directory (PROXMOX_AGENT_DATA, else ./data)')
    .action(act(async () => (await import('./commands/store.ts')).restore));
  store
    .command('keys <file>')
    .description('make new keys in a file, for replicas that do not share a folder; needs no server')
    .action(act(async () => (await import('./commands/store.ts')).keys));
  store
    .command('copy')
    .description('copy everything into an empty PostgreSQL; the server has to be stopped')
    .requiredOption('--to <reference>', 'the URL of the database, as env:NAME or file:PATH')
    .option('--data <directory>', 'the data directory (PROXMOX_AGENT_DATA, else ./data)')
    .action(act(async () => (await import('./commands/store.ts')).copy));
}

function addAudit(program: Command, act: Act): void {
  const audit = program.command('audit').description('the audit log');
  audit
    .command('list')
    .description('show the newest records')
    .option('--last <count>', 'how many', '20')
    .action(act(async () => (await import('./commands/audit.ts')).listAudit));
  audit
    .command('export [file]')
    .description('write the whole log as JSON Lines with its signed checkpoints')
    .action(act(async () => (await import('./commands/audit.ts')).exportAudit));
  audit
    .command('key')
    .description('print the public key that the checkpoints are signed with')
    .action(act(async () => (await import('./commands/audit.ts')).showKey));
  audit
    .command('verify')
    .description('check the log; names the first bad record')
    .option('--export <file>', 'check this export instead of one made now')
    .option('--key <file>', 'the public key; with --export the check is offline')
    .action(act(async () => (await import('./commands/audit.ts')).verifyAudit));
}

function addTokens(program: Command, act: Act): void {
  const token = program.command('token').description('API tokens');
  token
    .command('create')
    .description('make a token; it is shown once')
    .requiredOption('--name <name>', 'whose token it is')
    .requiredOption('--role <role>', 'viewer, operator, approver or admin')
    .requiredOption('--class <class>', 'human, service or agent')
    .option('--env <name>', 'only for this environment (may be given several times)', append)
    .option('--action <pattern>', 'it may plan only such actions, such as vm.* (may be given several times)', append)
    .option('--own', 'one of your own: it ends with you and never reaches further than you')
    .option('--expires <time>', 'how long it works, such as 90d')
    .action(act(async () => (await import('./commands/tokens.ts')).createToken));
  token
    .command('list')
    .description('list the tokens')
    .action(act(async () => (await import('./commands/tokens.ts')).listTokens));
  token
    .command('revoke <id>')
    .description('make a token useless at once')
    .action(act(async () => (await import('./commands/tokens.ts')).revokeToken));
}
