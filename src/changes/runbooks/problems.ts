import { AgentError } from '../../kernel/errors.ts';

/** One thing that is wrong in a runbook; lines count from 1. */
export interface Problem {
  readonly line: number;
  readonly what: string;
}

/** More than this nobody reads at once. */
const MAX = 20;

/** Collects what is wrong, so that a person mends all of it at once. */
export class Problems {
  readonly #file: string;
  readonly #found: Problem[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  add(line: number, what: string): void {
    this.#found.push({ line, what: what.length > 300 ? `${what.slice(0, 299)}…` : what });
  }

  get any(): boolean {
    return this.#found.length > 0;
  }

  /** Errors: `RUNBOOK_INVALID` with every problem's line, when there is one. */
  throwIfAny(): void {
    if (!this.any) return;
    const shown = this.#found.toSorted((a, b) => a.line - b.line).slice(0, MAX);
    const errors: Record<string, string> = {};
    for (const { line, what } of shown) {
      const at = `${this.#file}:${line}`;
      errors[at] = errors[at] === undefined ? what : `${errors[at]}; ${what}`;
    }
    const text = Object.entries(errors)
      .map(([at, what]) => `${at}: ${what}`)
      .join('; ');
    throw new AgentError('RUNBOOK_INVALID', text, { errors });
  }
}
