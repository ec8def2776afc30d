/** A text that is no calendar event; `offset` says where, from 0. */
export class CalendarError extends Error {
  override readonly name = 'CalendarError';
  readonly offset: number;
  constructor(what: string, offset: number) {
    super(`${what} (at character ${offset + 1})`);
    this.offset = offset;
  }
}

/** Reads a text from left to right. */
export class Cursor {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }
  get at(): number {
    return this.#at;
  }
  /** The next character; empty at the end. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }
  /** The rest of the text. */
  rest(): string {
    return this.#text.slice(this.#at);
  }
  /** What was read since a place. */
  from(begin: number): string {
    return this.#text.slice(begin, this.#at);
  }
  take(what: string): boolean {
    if (!this.#text.startsWith(what, this.#at)) return false;
    this.#at += what.length;
    return true;
  }
  skip(count: number): void {
    this.#at += count;
  }
  spaces(): void {
    while (this.peek() === ' ') this.#at++;
  }
  back(to: number): void {
    this.#at = to;
  }
  number(): number {
    const digits = /^\d+/.exec(this.rest())?.[0];
    if (digits === undefined)
      return this.fail(this.peek() === '' ? 'a number is missing' : 'a number is expected here');
    this.#at += digits.length;
    return Number(digits);
  }
  unexpected(): never {
    const next = this.peek();
    return this.fail(next === '' ? 'it ends too early' : `"${next}" is not expected here`);
  }
  fail(what: string, at = this.#at): never {
    throw new CalendarError(what, at);
  }
}
