import { Command, CommanderError, Help, type Option } from 'commander';
import { Context, DEFAULT_SERVER, type GlobalOptions } from './context.ts';
import { usage } from './problem.ts';
import { addChangeRecordCommands } from './program_change_records.ts';
import { addChangeCommands } from './program_changes.ts';
import { addLabCommands } from './program_lab.ts';
import { addPolicyCommands } from './program_policy.ts';
import { addPeopleCommands } from './program_people.ts';
import { addRecordCommands } from './program_records.ts';
import { addRunbookCommands } from './program_runbooks.ts';
import type { CliDeps, Io } from './types.ts';
import { version } from './version.ts';

/** What carries a command out; answers the exit code, 0 when it answers nothing. */
export type Handler<O> = (context: Context, options: O, ...args: never[]) => Promise<number | void>;

/** Makes the action of a command out of a handler that is loaded only when it is needed. */
export type Act = <O>(load: () => Promise<Handler<O>>) => (...args: unknown[]) => Promise<void>;

/** Reads the command line and runs what it says. Errors: `VALIDATION_FAILED` for wrong use, else the command's own. */
export async function runProgram(argv: string[], io: Io, deps: CliDeps): Promise<number> {
  let exit = 0;
  const act: Act =
    (load) =>
    async (...args) => {
      const command = args.at(-1) as Command;
      const handler = await load();
      const context = new Context(io, deps, command.optsWithGlobals<GlobalOptions>(), program);
      const done = await handler(context, command.opts<never>(), ...(args.slice(0, -2) as never[]));
      exit = done ?? 0;
    };
  const program = makeProgram(io, deps, act, (code) => (exit = code));
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    // Help that was shown because no command was given: it said everything.
    if (error.code === 'commander.help') return 2;
    throw usage(wordsOf(error), `Nothing was sent. \`${nameOf(program, argv)} --help\` shows how it is used.`);
  }
  return exit;
}

/** The command that was meant, as far as the words name one: `proxmox-agent env freeze`. */
function nameOf(program: Command, argv: readonly string[]): string {
  let found = program;
  const names = [program.name()];
  for (const word of argv) {
    const next = found.commands.find((command) => command.name() === word);
    if (next === undefined) continue;
    found = next;
    names.push(word);
  }
  return names.join(' ');
}

/** commander's words, without what was given as a value: it may be a secret in the wrong place. */
function wordsOf({ message }: CommanderError): string {
  const shown = message.replace(/^error: /, '').replace(/ but got (\d+): .*/s, ' but got $1.');
  const words = shown.replace(/'(-[^'=]*)=[^']*'/s, "'$1'").replaceAll('\n', ' ');
  return words.replace(/^./, (first) => first.toUpperCase());
}

/** What an option is for, and whether it may be left out. */
const describe = (option: Option): string =>
  `${new Help().optionDescription(option)}${option.mandatory ? ' (required)' : ''}`;

function makeProgram(io: Io, deps: CliDeps, act: Act, leave: (code: number) => void): Command {
  const program = new Command('proxmox-agent')
    .description('Changes to a Proxmox VE lab: planned, approved, applied, verified, audited.')
    .exitOverride()
    .configureHelp({ optionDescription: describe })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      // Printed once, by runCli.
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
    })
    .option('--server <url>', `the server to talk to (PROXMOX_AGENT_URL, else ${DEFAULT_SERVER})`)
    .option('-e, --environment <name>', 'the environment (PROXMOX_AGENT_ENVIRONMENT, else the only one)')
    .option('--json', "print the API's JSON, one document")
    .option('--no-color', 'no colours (also NO_COLOR)')
    .version(version(), '-V, --version');
  const programs = [
    ['serve', 'run the server', deps.serve],
    ['simulator', 'run a simulated Proxmox VE', deps.simulator],
  ] as const;
  for (const [name, description, run] of programs) {
    program
      .command(`${name} [args...]`)
      .description(description)
      .helpOption(false)
      .allowUnknownOption()
      .action(async (args: string[]) => {
        if (run === undefined) throw usage(`${name} is not part of this program.`);
        leave(await run(args));
      });
  }
  addPeopleCommands(program, act);
  addLabCommands(program, act);
  addChangeCommands(program, act);
  addChangeRecordCommands(program, act);
  addPolicyCommands(program, act);
  addRunbookCommands(program, act);
  addRecordCommands(program, act);
  program
    .command('version')
    .description('print the version')
    .action(act<object>(async () => (await import('./commands/version.ts')).showVersion));
  program.addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 usage, 3 denied, 4 approval needed, 5 not found,\n6 conflict, 7 unreachable, 8 needs attention.',
  );
  return program;
}
