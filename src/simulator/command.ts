import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '../kernel/clock.ts';
import { systemIds, type Ids } from '../kernel/ids.ts';
import { coverageText } from './coverage.ts';
import { FaultError, parseFaults } from './fault-list.ts';
import { makeCertificate } from './server/certificate.ts';
import { parseSpeed, type Speed } from './server/clock.ts';
import { startServer } from './server/server.ts';
import { StateFile } from './server/state-file.ts';
import { Simulator } from './simulator.ts';
import { captureTime } from './state/capture.ts';
import { WORLDS } from './worlds/load.ts';

const DEFAULT_PASSWORD = 'simulator';
/** Exit code of a command line that is not valid. */
const USAGE = 2;

const HELP = `Usage: proxmox-agent simulator [options]

Serves the Proxmox VE API from memory, for tests of any client.

Options:
  --world <name>         what is simulated: ${WORLDS.join(', ')}
                         (${WORLDS[0]})
  --capture <file>       a recorded cluster in the place of a world
  --listen <host:port>   where it listens (127.0.0.1:8006)
  --http                 without TLS
  --password <password>  of root@pam (${DEFAULT_PASSWORD})
  --token <token>        a token, USER@REALM!ID=SECRET; may be given several times
  --speed <speed>        so many times as fast as real, or instant, or manual (1)
  --faults <file>        faults to begin with
  --state <file>         where its state is kept, for the next start
  --control              let clients on this machine inject faults and move time
  --coverage             list which methods are modelled, and end
  -h, --help             display help for command
`;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Options {
  readonly world: string;
  readonly capture: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly http: boolean;
  /** Undefined: `simulator`, but for a capture the first one that comes. */
  readonly password: string | undefined;
  readonly tokens: readonly { user: string; tokenid: string; secret: string }[];
  readonly speed: Speed;
  readonly faults: string | undefined;
  readonly state: string | undefined;
  readonly control: boolean;
  /** Only tells how far the simulator goes. */
  readonly coverage: boolean;
}

function parse(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      world: { type: 'string' },
      capture: { type: 'string' },
      listen: { type: 'string', default: '127.0.0.1:8006' },
      http: { type: 'boolean', default: false },
      password: { type: 'string' },
      token: { type: 'string', multiple: true, default: [] },
      speed: { type: 'string', default: '1' },
      faults: { type: 'string' },
      state: { type: 'string' },
      control: { type: 'boolean', default: false },
      coverage: { type: 'boolean', default: false },
    },
  });
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(values.listen) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError(`--listen takes HOST:PORT, not '${values.listen}'`);
  const speed = parseSpeed(values.speed);
  if (speed === undefined) throw new UsageError(`--speed takes a number, 'instant' or 'manual', not '${values.speed}'`);
  if (values.capture !== undefined && values.world !== undefined)
    throw new UsageError('--world and --capture exclude each other');
  const world = values.world ?? 'enterprise';
  if (!(WORLDS as readonly string[]).includes(world))
    throw new UsageError(`--world takes one of ${WORLDS.join(', ')}, not '${world}'`);
  const { capture, http, password, faults, state, control, coverage } = values;
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return {
    world,
    capture,
    host: bare,
    port: Number(port),
    http,
    password,
    tokens: values.token.map(parseToken),
    speed,
    faults,
    state,
    control,
    coverage,
  };
}

function parseToken(text: string): Options['tokens'][number] {
  const [, user, tokenid, secret] = /^([^!=]+@[^!=]+)!([^=]+)=(.+)$/.exec(text) ?? [];
  if (user === undefined || tokenid === undefined || secret === undefined)
    throw new UsageError('--token takes USER@REALM!ID=SECRET');
  return { user, tokenid, secret };
}

function readJson(file: string, what: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `${what} '${file}' cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : ''}`,
    );
  }
}

function build(options: Options, ids: Ids): Simulator {
  const now = systemClock.now();
  if (options.capture === undefined) return Simulator.fromWorld(options.world, { ids, now });
  const capture = readJson(options.capture, 'the capture') as Record<string, unknown>;
  // Where time stands still it stands where the capture was made, a second later.
  const recorded = options.speed === 'manual' ? captureTime(capture) : undefined;
  return Simulator.fromCapture(capture, { ids, now: recorded === undefined ? now : recorded + 1_000 });
}

/** A user that a client comes with, but the cluster does not have. */
function addUser({ world: { state } }: Simulator, userid: string): void {
  state.users.set(userid, { userid, enable: 1, expire: 0, comment: 'made for --token' });
  state.acl.push({ path: '/', type: 'user', ugid: userid, roleid: 'Administrator', propagate: 1 });
  process.stderr.write(`proxmox-agent simulator: new user ${userid} with the role Administrator on /\n`);
}

/** Credentials from the command line; a token that is new gets all of its owner's rights. */
function addCredentials(simulator: Simulator, { password, tokens, capture }: Options): void {
  const { state } = simulator.world;
  const root = state.users.get('root@pam');
  if (root !== undefined && (password !== undefined || capture === undefined)) {
    root.password = password ?? DEFAULT_PASSWORD;
    delete root.passwordUnknown;
  }
  for (const { user, tokenid, secret } of tokens) {
    if (!state.users.has(user)) addUser(simulator, user);
    const key = `${user}!${tokenid}`;
    const known = state.tokens.get(key);
    state.tokens.set(key, { ...(known ?? { userid: user, tokenid, privsep: 0, expire: 0 }), secret });
  }
}

function addFaults(simulator: Simulator, file: string | undefined): void {
  if (file === undefined) return;
  const read = readJson(file, 'the list of faults');
  try {
    const { seed, faults } = parseFaults(read);
    for (const fault of faults) simulator.inject(fault, seed);
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    throw new UsageError(`the list of faults '${file}': ${error.message}`);
  }
}

async function serve(options: Options): Promise<void> {
  if (options.coverage) {
    process.stdout.write(`${coverageText()}\n`);
    return;
  }
  const ids = systemIds(systemClock);
  const makeOne = () => (options.http ? undefined : makeCertificate(systemClock.now(), ids.bytes(8)));
  const fresh = (its: Ids): Simulator => {
    const made = build(options, its);
    addCredentials(made, options);
    return made;
  };
  const load = (text: string, its: Ids, now: number): Simulator => Simulator.load(text, { ids: its, now });
  const file =
    options.state === undefined
      ? undefined
      : new StateFile(options.state, {
          ids,
          fresh,
          load,
          certificate: makeOne,
          now: options.speed === 'manual' ? undefined : systemClock.now(),
        });
  const simulator = file?.simulator ?? fresh(ids);
  // The command line may name other credentials than the last time.
  if (file !== undefined) addCredentials(simulator, options);
  addFaults(simulator, options.faults);
  const certificate = file === undefined ? makeOne() : options.http ? undefined : (file.certificate ?? makeOne());
  const { host, port, speed, control } = options;
  const server = await startServer({
    simulator,
    clock: systemClock,
    speed,
    host,
    port,
    control,
    ...(certificate === undefined ? {} : { certificate }),
    ...(file === undefined ? {} : { onChange: (change) => file.record(change) }),
  });
  process.stdout.write(`${server.url}\n${certificate === undefined ? '' : `fingerprint ${certificate.fingerprint}\n`}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await server.close();
  file?.close();
}

/**
 * `proxmox-agent simulator …`: serves a simulated PVE until it is told to end. A command line that is not valid, or a
 * port that is taken, is one line on stderr; nothing is thrown. Answers the exit code.
 */
export async function runSimulator(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    await serve(parse(argv));
    return 0;
  } catch (error) {
    const words = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    const usage =
      error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
    process.stderr.write(`proxmox-agent simulator: ${words}\n`);
    return usage ? USAGE : 1;
  }
}
