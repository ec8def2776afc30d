import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { seededIds, type Ids } from '../../kernel/ids.ts';
import type { SimRequest } from '../core/dispatch.ts';
import type { Simulator } from '../simulator.ts';
import type { Certificate } from './certificate.ts';
import { control } from './control.ts';

/** Something that changes the cluster: a call of the API, or one of the control endpoints. */
export type Change =
  | { readonly call: SimRequest }
  | {
      readonly control: {
        readonly method: string;
        readonly what: string;
        readonly body: Readonly<Record<string, unknown>>;
      };
    };

interface Snapshot {
  readonly id: string;
  /** Of the ids that were made from here on. */
  readonly seed: string;
  readonly at: number;
  readonly certificate?: Certificate;
  readonly simulator: string;
}

interface Entry {
  /** Virtual ms. */
  readonly time: number;
  readonly change: Change;
}

/** Changes after which the next moment without a running task is kept as a new snapshot. */
const LOG_MAX = 200;

/** Ids that go on from another seed when told, so that a replay makes the same ones. */
class Reseedable implements Ids {
  #ids: Ids;
  readonly #own: Ids;
  constructor(own: Ids) {
    this.#ids = own;
    this.#own = own;
  }
  uuid(): string {
    return this.#ids.uuid();
  }
  bytes(count: number): Uint8Array {
    return this.#ids.bytes(count);
  }
  /** A new seed, in use from now on. */
  reseed(seed = Buffer.from(this.#own.bytes(16)).toString('hex')): string {
    this.#ids = seededIds(seed, { now: () => 0, sleep: () => Promise.resolve() });
    return seed;
  }
}

export interface StateOptions {
  readonly ids: Ids;
  /** Makes the cluster where the file is not there yet. */
  readonly fresh: (ids: Ids) => Simulator;
  /** Makes it again from a snapshot's text, at its virtual time. */
  readonly load: (text: string, ids: Ids, now: number) => Simulator;
  readonly certificate: () => Certificate | undefined;
  /** Virtual time that has come at least; undefined where it moves only when told. */
  readonly now: number | undefined;
}

/**
 * A cluster that outlives its process, however that ends: a snapshot of a moment at which no task ran, and every change
 * since. The simulator is deterministic, so replaying the changes brings the running tasks back, with their UPIDs, as if
 * only the connection had been lost. `FILE` holds the snapshot, `FILE.log` the changes.
 */
export class StateFile {
  readonly simulator: Simulator;
  readonly certificate: Certificate | undefined;
  readonly #file: string;
  readonly #ids: Reseedable;
  #entries = 0;

  constructor(file: string, { ids, fresh, load, certificate, now }: StateOptions) {
    this.#file = file;
    this.#ids = new Reseedable(ids);
    const stored = existsSync(file) ? readSnapshot(file) : undefined;
    this.simulator = stored === undefined ? fresh(this.#ids) : load(stored.simulator, this.#ids, stored.at);
    this.certificate = stored === undefined ? certificate() : stored.certificate;
    if (stored === undefined) this.#snapshot();
    else this.#replay(stored);
    // While the process was away the cluster went on.
    if (now !== undefined && now > this.simulator.now()) this.simulator.advance(now - this.simulator.now());
  }

  /** Keeps a change; called before it is carried out, so that what was done is never missing from the file. */
  record(change: Change): void {
    if (this.#entries >= LOG_MAX && this.simulator.world.tasks.running.length === 0) this.#snapshot();
    const entry: Entry = { time: this.simulator.now(), change };
    appendFileSync(this.#log, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    this.#entries++;
  }

  /** At the end of the process, and after changes that did not come by a call. */
  close(): void {
    if (this.simulator.world.tasks.running.length === 0) this.#snapshot();
  }

  get #log(): string {
    return `${this.#file}.log`;
  }

  /** A new file takes the place of the old one; a log that begins with another id belongs to the one before. */
  #snapshot(): void {
    const id = Buffer.from(this.#ids.bytes(8)).toString('hex');
    const { certificate, simulator } = this;
    const text = simulator.save();
    const snapshot: Snapshot = {
      id,
      seed: this.#ids.reseed(),
      at: simulator.now(),
      simulator: text,
      ...(certificate === undefined ? {} : { certificate }),
    };
    const temporary = `${this.#file}.${process.pid}.tmp`;
    writeFileSync(temporary, JSON.stringify(snapshot), { mode: 0o600 });
    renameSync(temporary, this.#file);
    writeFileSync(this.#log, `${id}\n`, { mode: 0o600 });
    this.#entries = 0;
  }

  #replay({ id, seed }: Snapshot): void {
    this.#ids.reseed(seed);
    const lines = existsSync(this.#log) ? readFileSync(this.#log, 'utf8').split('\n') : [];
    if (lines[0] !== id) return this.#snapshot();
    for (const line of lines.slice(1)) {
      const entry = parse(line);
      // The last line may have been cut off by the end of the process: that change was not carried out.
      if (entry === undefined) break;
      this.#again(entry);
      this.#entries++;
    }
    return undefined;
  }

  #again({ time, change }: Entry): void {
    const { simulator } = this;
    if (time > simulator.now()) simulator.advance(time - simulator.now());
    if ('call' in change) simulator.handle(change.call);
    else control(simulator, change.control.method, change.control.what, change.control.body);
  }
}

/** Errors: `RangeError` in words, for a file that is damaged or another one. */
function readSnapshot(file: string): Snapshot {
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Partial<Snapshot>;
    if (typeof stored.simulator === 'string' && typeof stored.at === 'number') return stored as Snapshot;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new RangeError(`${file} is no state of a simulated cluster; move it away to begin anew`);
}

function parse(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}
