import { existsSync } from 'node:fs';
import type { Clock } from './kernel/clock.ts';
import type { EnvironmentConfig } from './kernel/config.ts';
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
 * The example lab: the simulator behind real TLS on a free loopback port, its state kept in `file`. Every change is in
 * the file before it is answered, so killing the process looks to the control plane as if only it had died.
 */
export async function startLab(
  world: string,
  file: string,
  { clock, ids }: { readonly clock: Clock; readonly ids: Ids },
): Promise<Lab> {
  const state = new StateFile(file);
  const stored = existsSync(file) ? state.read() : undefined;
  const now = clock.now();
  const simulator =
    stored === undefined ? Simulator.fromWorld(world, { ids, now }) : Simulator.load(stored.simulator, { ids, now });
  const secret = new Secret(Buffer.from(ids.bytes(24)).toString('hex'));
  simulator.world.state.tokens.set(`${USER}!${TOKEN}`, {
    userid: USER,
    tokenid: TOKEN,
    privsep: 0,
    expire: 0,
    secret: secret.reveal(),
  });
  const certificate = stored?.certificate ?? makeCertificate(now, ids.bytes(8));
  const save = (): void => state.write(simulator, certificate);
  const server = await startServer({
    simulator,
    clock,
    speed: SPEED,
    host: '127.0.0.1',
    port: 0,
    certificate,
    control: false,
    onChange: save,
  });
  save();
  return {
    connection: {
      endpoints: [server.url],
      auth: { token: { id: `${USER}!${TOKEN}`, secret } },
      tls: { fingerprint: certificate.fingerprint },
    },
    close: async () => {
      save();
      await server.close();
    },
  };
}
