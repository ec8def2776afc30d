import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Certificate } from './certificate.ts';
import type { Simulator } from '../simulator.ts';

/** Changes are written at most this often. */
const DEBOUNCE_MS = 200;

interface Stored {
  readonly certificate?: Certificate;
  readonly simulator: string;
}

/** What `--state FILE` holds: the cluster and the certificate, so that a pinned fingerprint stays right. */
export class StateFile {
  readonly #file: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  read(): Stored | undefined {
    return existsSync(this.#file) ? (JSON.parse(readFileSync(this.#file, 'utf8')) as Stored) : undefined;
  }

  /** Writes a new file and puts it in the place of the old one, so that a crash leaves one or the other. */
  write(simulator: Simulator, certificate: Certificate | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const stored: Stored = { simulator: simulator.save(), ...(certificate === undefined ? {} : { certificate }) };
    const temporary = `${this.#file}.${process.pid}.tmp`;
    writeFileSync(temporary, JSON.stringify(stored), { mode: 0o600 });
    renameSync(temporary, this.#file);
  }

  /** Writes soon. */
  touch(simulator: Simulator, certificate: Certificate | undefined): void {
    this.#timer ??= setTimeout(() => this.write(simulator, certificate), DEBOUNCE_MS);
  }
}
