import type { Clock } from '../../src/kernel/clock.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { seededIds } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { Secret } from '../../src/kernel/secret.ts';
import type { EngineDeps } from '../../src/operations/index.ts';
import { createPveApi, createTransport, type HttpsTransport, type PveApi } from '../../src/proxmox/index.ts';
import { makeCertificate, Simulator, startServer, type RunningServer } from '../../src/simulator/index.ts';
import { Harness, temporaryDirectory } from '../support/harness.ts';

const SECRET = '11111111-2222-4333-8444-555555555555';
const TOKEN = 'agent@pve!control';

/** Pauses cost a turn of the event loop; time goes on by what they would have taken. Both sides share it. */
function hurried(): Clock {
  let skipped = 0;
  const now = (): number => Date.now() + skipped;
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    skipped += ms;
    await systemClock.sleep(1, signal);
  };
  return { now, sleep };
}

export interface RigOptions {
  /** Of the client, in milliseconds. */
  readonly timeouts?: { readonly read?: number; readonly write?: number; readonly connect?: number };
  /** What the client expects; the server's own when absent. */
  readonly fingerprint?: string;
  /** Delays of the server take real time. */
  readonly slow?: boolean;
}

/** A simulated cluster behind real TLS on a loopback port, and a real client of it. */
export class Rig {
  readonly clock = hurried();
  readonly simulator: Simulator;
  readonly directory = temporaryDirectory();
  readonly certificate = makeCertificate(Date.now(), new Uint8Array(8).fill(9));
  api!: PveApi;
  before = new Map<string, unknown>();
  readonly #slow: boolean;
  #server: RunningServer | undefined;
  #transport: HttpsTransport | undefined;
  #port = 0;
  #lives = 0;

  private constructor(slow: boolean) {
    this.#slow = slow;
    this.simulator = Simulator.fromWorld('enterprise', { ids: seededIds('faults', this.clock), now: this.clock.now() });
    const token = this.simulator.world.state.tokens.get(TOKEN);
    if (token !== undefined) token.secret = SECRET;
    this.before = new Map(this.simulator.objects());
  }

  static async start({ timeouts, fingerprint, slow = false }: RigOptions = {}): Promise<Rig> {
    const rig = new Rig(slow);
    await rig.up();
    rig.#transport = createTransport({
      endpoints: [`https://127.0.0.1:${rig.#port}`],
      auth: { token: { id: TOKEN, secret: new Secret(SECRET) } },
      tls: { fingerprint: fingerprint ?? rig.certificate.fingerprint },
      clock: rig.clock,
      ...(timeouts === undefined ? {} : { timeouts }),
    });
    rig.api = createPveApi(rig.#transport, { principal: TOKEN, clock: rig.clock, log: silentLogger, patience: 5_000 });
    return rig;
  }

  /** The same port each time: what comes back is the same cluster. */
  async up(): Promise<void> {
    this.#server = await startServer({
      simulator: this.simulator,
      clock: this.#slow ? systemClock : this.clock,
      speed: 'instant',
      host: '127.0.0.1',
      port: this.#port,
      certificate: this.certificate,
      control: false,
    });
    this.#port = Number(new URL(this.#server.url).port);
  }

  async down(): Promise<void> {
    await this.#server?.close();
  }

  revoke(): void {
    this.simulator.world.state.tokens.delete(TOKEN);
  }

  life(api: PveApi = this.api, crash?: EngineDeps['crash']): Harness {
    return new Harness({
      api,
      clock: this.clock,
      directory: this.directory.path,
      seed: `life ${this.#lives++}`,
      ...(crash === undefined ? {} : { crash }),
    });
  }

  /** Mutating calls that Proxmox VE carried out, as `METHOD path`. */
  calls(): string[] {
    return this.simulator.calls.filter(({ status }) => status === 200).map(({ method, path }) => `${method} ${path}`);
  }

  async close(): Promise<void> {
    await this.#transport?.close();
    await this.down();
    this.directory.remove();
  }
}

export async function inRig(work: (rig: Rig) => Promise<void>, options: RigOptions = {}): Promise<void> {
  const rig = await Rig.start(options);
  try {
    await work(rig);
  } finally {
    await rig.close();
  }
}
