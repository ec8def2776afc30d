/** A condition that was checked against the declared input. */
export interface Expression {
  /** Errors: `ExpressionError` when it comes to something that it cannot work with. */
  readonly evaluate: (scope: CelScope) => boolean;
  /** What it reads, such as `target.tags`, in the order of the text. */
  readonly reads: readonly string[];
}

/** A scope in the library's own types; made once for all rules. */
export type CelScope = Readonly<Record<string, unknown>>;

/** `offset` counts letters from the start of the expression; undefined when only running it told. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly offset: number | undefined;

  constructor(message: string, offset?: number) {
    super(message);
    this.offset = offset;
  }
}
