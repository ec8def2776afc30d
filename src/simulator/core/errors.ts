/** An answer with a status of 400 or more, in PVE's own words. `message` has no trailing newline; the answer gets one. */
export class PveError extends Error {
  override readonly name = 'PveError';
  readonly status: number;
  readonly errors: Readonly<Record<string, string>> | undefined;

  constructor(status: number, message: string, errors?: Readonly<Record<string, string>>) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

/** PVE reports most domain errors as 500 (FACTS 3). */
export const fail = (message: string): PveError => new PveError(500, message);

export const parameterError = (errors: Readonly<Record<string, string>>): PveError =>
  new PveError(400, 'Parameter verification failed.', errors);

/** `what` is the text in parentheses; without it the bare words, as for a create call with no right (FACTS 4). */
export const forbidden = (what?: string): PveError =>
  new PveError(403, what === undefined ? 'Permission check failed' : `Permission check failed (${what})`);

/** Thrown in a partial twin where something would be needed that was not read from the cluster. */
export class NotRead extends Error {
  override readonly name = 'NotRead';
  readonly missing: readonly string[];

  constructor(missing: readonly string[]) {
    super('not read');
    this.missing = missing;
  }
}
