import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AgentError } from '../../kernel/errors.ts';
import { parseRunbook, type Runbook } from './parse.ts';

/** Those that come with the product, beside the code in a checkout and in the package. */
export const SHIPPED = join(import.meta.dirname, '../../../runbooks');

/** The runbooks that can be started, by id. */
export class RunbookLibrary {
  readonly #byId: ReadonlyMap<string, Runbook>;

  constructor(runbooks: readonly Runbook[]) {
    this.#byId = new Map(runbooks.map((runbook) => [runbook.id, runbook]));
  }

  /**
   * The shipped ones and those of a folder of one's own, where the same id replaces the shipped one. Errors:
   * `RUNBOOK_INVALID`.
   */
  static open(own?: string): RunbookLibrary {
    const mine = own === undefined ? [] : readFolder(own);
    return new RunbookLibrary([...(existsSync(SHIPPED) ? readFolder(SHIPPED) : []), ...mine]);
  }

  list(): Runbook[] {
    return [...this.#byId.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Errors: `NOT_FOUND` naming those that there are. */
  get(id: string): Runbook {
    const found = this.#byId.get(id);
    if (found !== undefined) return found;
    throw new AgentError('NOT_FOUND', `There is no runbook "${id}"; there are ${[...this.#byId.keys()].join(', ')}.`);
  }
}

/** All `.md` files of a folder but its README. Two with one id are a mistake. */
function readFolder(folder: string): Runbook[] {
  const files = listFolder(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
  const seen = new Map<string, string>();
  return files.toSorted().map((name) => {
    const runbook = readRunbook(join(folder, name));
    const other = seen.get(runbook.id);
    if (other !== undefined)
      throw new AgentError('RUNBOOK_INVALID', `${other} and ${name} have the same id ${runbook.id}.`);
    seen.set(runbook.id, name);
    return runbook;
  });
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** Errors: `RUNBOOK_INVALID`. */
export function readRunbook(file: string): Runbook {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
  return parseRunbook(basename(file), text);
}

const unreadable = (path: string, error: unknown): AgentError =>
  new AgentError('RUNBOOK_INVALID', `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`);
