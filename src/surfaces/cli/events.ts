/** Cuts a `text/event-stream` into messages, wherever the pieces are cut; only their ids matter to us. */
export class EventCutter {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #data = false;
  /** The id of the newest message that was complete; what a reconnect sends as `Last-Event-ID`. */
  lastId: string | undefined;
  #pendingId: string | undefined;

  /** Takes a piece; answers how many messages ended in it. Comments (heartbeats) are none. */
  take(piece: Uint8Array): number {
    const text = this.#rest + this.#decoder.decode(piece, { stream: true });
    // A CR at the end may be the first half of CRLF.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    return lines.filter((line) => this.#line(line)).length;
  }

  #line(line: string): boolean {
    if (line === '') {
      const message = this.#data;
      this.#data = false;
      // An id without data counts too, as in a browser.
      this.lastId = this.#pendingId ?? this.lastId;
      return message;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') this.#data = true;
    if (field === 'id' && !value.includes('\0')) this.#pendingId = value;
    return false;
  }
}
