import type { Command } from 'commander';
import type { Act } from './program.ts';

const append = (value: string, before: string[] = []): string[] => [...before, value];

/** Signing in, one's own account, and other people. */
export function addPeopleCommands(program: Command, act: Act): void {
  program
    .command('login')
    .description('sign in and keep a token for this user, or become the owner')
    .option('--name <name>', 'sign in as this person; password and code are asked for')
    .option('--password <reference>', 'with --name: env:NAME, file:PATH or - for the standard input')
    .option('--code <code>', 'with --name: what the authenticator shows, or a recovery code')
    .option('--expires <time>', 'with --name: how long the token works, 1d, 30d or 90d', '30d')
    .option('--token <token>', 'env:NAME, file:PATH, - for the standard input, or the token itself')
    .option('--owner <code>', 'the one-time link, or the code in it, that the server printed')
    .action(act(async () => (await import('./commands/session.ts')).login));
  program
    .command('logout')
    .description('end the token that login keeps, and remove it')
    .action(act(async () => (await import('./commands/session.ts')).logout));
  program
    .command('whoami')
    .description('show whose token is used and what it may do')
    .action(act(async () => (await import('./commands/session.ts')).whoami));
  addMe(program, act);
  addPerson(program, act);
}

function addMe(program: Command, act: Act): void {
  const me = program.command('me').description('your own account');
  const proven = (command: Command): Command =>
    command
      .option('--current-password <reference>', 'env:NAME, file:PATH or -; asked for on a terminal')
      .option('--code <code>', 'what your authenticator shows, where you have one');
  proven(me.command('password').description('set your password'))
    .option('--password <reference>', 'the new one: env:NAME, file:PATH or -; asked for on a terminal')
    .action(act(async () => (await import('./commands/me.ts')).setPassword));
  proven(me.command('totp').description('set an authenticator up as your second factor'))
    .option('--remove', 'remove it instead')
    .action(act(async () => (await import('./commands/me.ts')).setUpTotp));
  proven(me.command('recovery').description('get new recovery codes in the place of all others')).action(
    act(async () => (await import('./commands/me.ts')).renewRecovery),
  );
  me.command('passkey')
    .description('your passkeys')
    .command('list')
    .description('list them; they are added and removed on the page')
    .action(act(async () => (await import('./commands/me.ts')).listPasskeys));
  const session = program.command('session').description('where you are signed in with a browser');
  session
    .command('list')
    .description('list your sessions')
    .action(act(async () => (await import('./commands/me.ts')).listSessions));
  session
    .command('revoke <id>')
    .description('end a session at once')
    .action(act(async () => (await import('./commands/me.ts')).revokeSession));
}

function addPerson(program: Command, act: Act): void {
  const person = program.command('person').description('people and what they may do; for admins');
  person
    .command('list')
    .description('list people')
    .action(act(async () => (await import('./commands/people.ts')).listPeople));
  person
    .command('invite <name>')
    .description('add a person; prints a link that lets it in once')
    .option('--grant <environment=role>', 'such as home=approver or all=viewer (may be given several times)', append)
    .option('--display <text>', 'the full name')
    .action(act(async () => (await import('./commands/people.ts')).invitePerson));
  person
    .command('grant <name> <environment=role...>')
    .description('set roles, such as home=approver all=viewer; none takes one away')
    .action(act(async () => (await import('./commands/people.ts')).grantPerson));
  person
    .command('disable <name>')
    .description('keep a person out; ends its sessions and tokens at once')
    .action(act(async () => (await import('./commands/people.ts')).disablePerson));
  person
    .command('enable <name>')
    .description('let a disabled person in again')
    .action(act(async () => (await import('./commands/people.ts')).enablePerson));
  person
    .command('reset <name>')
    .description('take all credentials of a person away; prints a new link')
    .option('--yes', 'do not ask')
    .action(act(async () => (await import('./commands/people.ts')).resetPerson));
}
