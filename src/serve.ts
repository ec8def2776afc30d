import { parseArgs } from 'node:util';
import { createApp, type App } from './app.ts';
import { systemClock } from './kernel/clock.ts';
import { loadConfig, type Config } from './kernel/config.ts';
import { AgentError, CATALOGUE, toAgentError } from './kernel/errors.ts';
import { systemIds } from './kernel/ids.ts';
import { createLogger } from './kernel/log.ts';

interface Io {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** As it is called in a checkout, and where it is installed. */
const PROGRAM = import.meta.filename.endsWith('.ts') ? './bin/proxmox-agent' : 'proxmox-agent';

const HELP = `Usage: proxmox-agent serve [options]

Runs the server until it is told to end (SIGTERM or SIGINT). SIGHUP lets it read its policy again.

Options:
  --config <file>   the configuration (proxmox-agent.yaml in the working directory)
  --data <dir>      where its data is kept (PROXMOX_AGENT_DATA, else ./data)
  --host <address>  where it listens (PROXMOX_AGENT_HOST, else 127.0.0.1)
  --port <number>   and on which port (PROXMOX_AGENT_PORT, else 8470)
  -h, --help        display help for command

Without a configuration it manages an example lab. All settings: docs/guide.md.
`;

/** Runs the server until `stopped`. Answers the exit code. */
export async function serve(argv: string[], io: Io, stopped: Promise<void>): Promise<number> {
  const fail = (error: unknown): number => {
    const { code, message, details } = toAgentError(error);
    const cause = code === 'INTERNAL' && details.cause instanceof Error ? ` ${details.cause.message}` : '';
    io.stderr.write(`error ${code}: ${message}${cause}\n${CATALOGUE[code].advice}\n`);
    return CATALOGUE[code].exit;
  };
  if (argv.includes('--help') || argv.includes('-h')) {
    io.stdout.write(HELP);
    return 0;
  }
  let app: App | undefined;
  try {
    const config = loadConfig({ env: io.env, cwd: process.cwd(), flags: flagsOf(argv) });
    const log = createLogger(config.logLevel);
    app = await createApp({ config, clock: systemClock, ids: systemIds(systemClock), log });
    await listen(app, config);
    io.stdout.write(await greeting(app, config));
    reloadOnHangup(app, io);
    await stopped;
    io.stdout.write('stopping; running operations go on at the next start\n');
    await app.close();
    return 0;
  } catch (error) {
    await app?.close();
    return fail(error);
  }
}

function flagsOf(argv: string[]): { config?: string; data?: string; host?: string; port?: string } {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({ args: argv, options: { config: text, data: text, host: text, port: text } }).values;
  } catch (error) {
    throw new AgentError(
      'CONFIGURATION_INVALID',
      `serve: ${(error as Error).message.split('\n')[0]?.replace(/\. To specify.*/, '')}. It takes --config FILE, --data DIR, --host ADDRESS and --port N.`,
    );
  }
}

async function listen({ server }: App, { host, port }: Config): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new AgentError(
        'CONFIGURATION_INVALID',
        `Port ${port} on ${host} is in use; stop what uses it, or choose another with --port.`,
      );
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new AgentError('CONFIGURATION_INVALID', `The server cannot listen on ${host}:${port} (${code}).`);
    throw error;
  }
}

async function greeting(app: App, config: Config): Promise<string> {
  const address = app.server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const code = config.bootstrapToken === undefined ? await app.ownerCode() : undefined;
  const owner =
    code === undefined
      ? []
      : [
          '',
          'First run. Become the owner (once, within a day):',
          `  ${url}/#owner=${code}`,
          'or on the command line:',
          `  ${PROGRAM} login --owner ${code}`,
        ];
  const lab = config.environments.find(({ simulator }) => simulator !== undefined);
  const example =
    lab === undefined
      ? []
      : [
          '',
          `Environment "${lab.name}" is the example lab ${lab.simulator} in the built-in simulator. Try:`,
          `  ${PROGRAM} plan vm.create_from_template --target vm/9000 --name web1 --cores 2`,
        ];
  const recovered = app.recovered === 0 ? [] : [`${app.recovered} operation(s) go on where they were.`];
  return `${[`proxmox-agent listens on ${url}`, ...recovered, ...owner, ...example, ''].join('\n')}\n`;
}

/** SIGHUP reads the policy again; what is wrong with it is said, and the rules in force stay. */
function reloadOnHangup(app: App, io: Io): void {
  process.on('SIGHUP', () => {
    app.reloadPolicy().then(
      (changed) => io.stdout.write(changed ? 'the policy was read again\n' : 'the policy is as it was\n'),
      (error: unknown) => {
        const { code, message } = toAgentError(error);
        io.stderr.write(`error ${code}: ${message}\nThe rules in force stay.\n`);
      },
    );
  });
}
