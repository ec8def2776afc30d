import { ACTIONS, type AnyAction } from '../../src/actions/index.ts';
import { seededIds } from '../../src/kernel/ids.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import { diffObjects, type ObjectChange, type Point } from '../../src/operations/index.ts';
import { isHostPath, withHosts, type Exec, type PveApi } from '../../src/proxmox/index.ts';
import { localHost } from '../../src/proxmox/ssh/testing.ts';
import { Simulator, type Fault } from '../../src/simulator/index.ts';
import { Stop } from '../../src/operations/index.ts';
import { Harness, temporaryDirectory } from '../support/harness.ts';
import { inProcessApi, labClock } from '../support/lab.ts';

export const POINTS: readonly Point[] = ['before-intent', 'after-intent', 'after-send', 'after-answer', 'after-task'];
const START = Date.UTC(2026, 10, 20, 9);

export const exampleOf = (action: AnyAction): Record<string, unknown> => ({
  action: action.name,
  target: action.docs.example.target,
  params: action.docs.example.params,
});

/** Actions that change something, by their own examples in the example lab. */
export const CHANGING = ACTIONS.filter(({ risk }) => risk.base !== 'low');

type Effect = { seq: number; state: string; method: string; path: string; in_doubt?: { settled_by: string } };
export type Operation = Record<string, unknown> & {
  state: string;
  effects: Effect[];
  compensation?: { seq: number; state: string; title: string; why: string }[];
  error?: { code: string; message: string };
};

/** One lab of its own with a control plane that can die and live again over the same directory. */
export class Case {
  readonly simulator = Simulator.fromWorld('enterprise', { ids: seededIds('contract', systemClock), now: START });
  readonly clock = labClock(this.simulator);
  readonly directory = temporaryDirectory();
  readonly api: PveApi;
  readonly before = this.simulator.objects();
  readonly #host = localHost('pve1', this.directory.path);
  #hostFault: Fault | undefined;
  #lives = 0;

  /** Commands on `pve1` run on this machine, as programs that do nothing, unless `hosts` says otherwise. */
  constructor({ hosts }: { readonly hosts?: (api: PveApi) => PveApi } = {}) {
    const api = inProcessApi(this.simulator, 'agent@pve!control', this.clock);
    this.api = hosts?.(api) ?? withHosts(api, this.#host.access, (...call) => this.#onHost(...call));
  }

  /** A fault of the cluster, or of the host where the path is one of a host. */
  inject(fault: Fault): void {
    if (isHostPath(fault.match?.path ?? '')) this.#hostFault = fault;
    else this.simulator.inject(fault);
  }

  /** What SSH does when it breaks before or after the command ran, and a command that fails. */
  async #onHost(...call: Parameters<Exec>): ReturnType<Exec> {
    const { kind, message } = this.#hostFault ?? {};
    this.#hostFault = undefined;
    if (kind === 'status') return { code: 1, stdout: String(message), stderr: '' };
    if (kind !== 'cut-before') {
      const outcome = await this.#host.exec(...call);
      if (kind !== 'cut-after') return outcome;
    }
    throw new AgentError('PVE_UNREACHABLE', 'the connection was cut', { more: { sent: 'maybe', kind: 'cut' } });
  }

  life(crash?: (point: Point, step: { seq: number; request: string }) => void): Harness {
    const { api, clock, directory } = this;
    return new Harness({
      api,
      clock,
      directory: directory.path,
      seed: `life ${this.#lives++}`,
      ...(crash === undefined ? {} : { crash }),
    });
  }

  changes(): ObjectChange[] {
    return diffObjects(this.before, this.simulator.objects());
  }

  /** Mutating calls as `METHOD path`, in the order in which PVE got them, then the commands that ran on the host. */
  calls(): string[] {
    const onHost = this.#host.ran().map(() => 'POST /ssh/pve1/run');
    return [...this.simulator.calls.map(({ method, path }) => `${method} ${path}`), ...onHost];
  }

  /** The whole way in one life. */
  async run(request: Record<string, unknown>): Promise<{ plan: Record<string, unknown>; operation: Operation }> {
    const life = this.life();
    try {
      const plan = await life.plan(request);
      return { plan, operation: (await life.end(await life.begin(plan))) as Operation };
    } finally {
      await life.close();
    }
  }

  /**
   * The whole way, killed once at `point` of effect `seq` (of its undo, with `undoing`), then picked up by a new life.
   */
  async killed(
    request: Record<string, unknown>,
    seq: number,
    point: Point,
    undoing = false,
  ): Promise<{ reached: boolean; operation: Operation }> {
    let reached = false;
    const first = this.life((at, step) => {
      if (reached || at !== point || step.seq !== seq || (step.request === 'undo') !== undoing) return;
      reached = true;
      throw new Stop('handover');
    });
    const operation_id = await first.begin(await first.plan(request));
    await first.engine.idle(operation_id);
    await first.close();
    const second = this.life();
    await second.engine.recover();
    const operation = (await second.end(operation_id)) as Operation;
    await second.close();
    return { reached, operation };
  }

  /**
   * The whole way through as many lives as there are deaths, and one more. Each life is told of every interleaving
   * point by number and name, and dies at the first for which its death says so.
   */
  async lives(
    request: object,
    deaths: readonly ((hit: number, point: Point) => boolean)[],
  ): Promise<{ operation: Operation; points: number }> {
    let points = 0;
    const mortal = (death: ((hit: number, point: Point) => boolean) | undefined) => {
      let hits = 0;
      let dead = false;
      return (point: Point): void => {
        points++;
        hits++;
        // A process that is dead does nothing more on any of its threads.
        if (dead || death?.(hits, point) === true) {
          dead = true;
          throw new Stop('handover');
        }
      };
    };
    let life = this.life(mortal(deaths[0]));
    const operation_id = await life.begin(await life.plan(request));
    await life.engine.idle(operation_id);
    for (const death of [...deaths.slice(1), undefined]) {
      await life.close();
      life = this.life(mortal(death));
      await life.engine.recover();
      await life.engine.idle(operation_id);
    }
    const operation = (await life.end(operation_id)) as Operation;
    await life.close();
    return { operation, points };
  }

  close(): void {
    this.directory.remove();
  }
}

export async function inCase<T>(work: (one: Case) => Promise<T>): Promise<T> {
  const one = new Case();
  try {
    return await work(one);
  } finally {
    one.close();
  }
}
