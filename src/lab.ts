import type { Clock } from './kernel/clock.ts';
import type { EnvironmentConfig } from './kernel/config.ts';
import { AgentError } from './kernel/errors.ts';
import type { Ids } from './kernel/ids.ts';
import { Secret } from './kernel/secret.ts';
import { makeCertificate, Simulator, StateFile, startServer } from './simulator/index.ts';

export interface Lab {
  /** What an environment needs to reach it. */
  readonly connection: Pick<EnvironmentConfig, 'endpoints' | 'auth' | 'tls'>;
  close(): Promise<void>;
}

const USER = 'agent@pve';
const TOKEN = 'control';
/** The lab's tasks run this many times faster than real ones would: long enough to watch, short enough to try. */
const SPEED = 5;

/**
 * The example lab: the simulator behind real TLS on a free loopback port, kept in `file`. Every change is in the file
 * before it is carried out, and running tasks come back, so killing the process looks as if only the control plane had
 * died.
 */
export async function startLab(
  world: string,
  file: string,
  { clock, ids }: { readonly clock: Clock; readonly ids: Ids },
): Promise<Lab> {
  const secret = new Secret(Buffer.from(ids.bytes(24)).toString('hex'));
  const withToken = (simulator: Simulator): Simulator => {
    const token = { userid: USER, tokenid: TOKEN, privsep: 0, expire: 0, secret: secret.reveal() };
    simulator.world.state.tokens.set(`${USER}!${TOKEN}`, token);
    return simulator;
  };
  const state = openState(file, {
    ids,
    fresh: (its) => withToken(Simulator.fromWorld(world, { ids: its, now: clock.now() })),
    load: (text, its, now) => withToken(Simulator.load(text, { ids: its, now })),
    certificate: () => makeCertificate(clock.now(), ids.bytes(8)),
    now: clock.now(),
  });
  const { simulator, certificate = makeCertificate(clock.now(), ids.bytes(8)) } = state;
  const server = await startServer({
    simulator,
    clock,
    speed: SPEED,
    host: '127.0.0.1',
    port: 0,
    certificate,
    control: false,
    onChange: (change) => state.record(change),
  });
  return {
    connection: {
      endpoints: [server.url],
      auth: { token: { id: `${USER}!${TOKEN}`, secret } },
      tls: { fingerprint: certificate.fingerprint },
    },
    close: async () => {
      await server.close();
      state.close();
    },
  };
}

/** Errors: `CONFIGURATION_INVALID` for a file that is damaged. */
function openState(file: string, options: ConstructorParameters<typeof StateFile>[1]): StateFile {
  try {
    return new StateFile(file, options);
  } catch (error) {
    if (error instanceof RangeError)
      throw new AgentError('CONFIGURATION_INVALID', `The example lab cannot start: ${error.message}.`);
    throw error;
  }
}
