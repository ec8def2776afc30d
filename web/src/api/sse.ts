/** One message of a `text/event-stream`. */
export interface SseMessage {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/**
 * Cuts a stream of text into messages, wherever the pieces are cut. EventSource cannot send the Authorization header,
 * so the page reads the stream itself. Comments (heartbeats) and messages without data give nothing.
 */
export function createSseParser(): (piece: string) => SseMessage[] {
  let rest = '';
  let id: string | undefined;
  let event = '';
  let data: string[] = [];
  let first = true;

  const line = (text: string): SseMessage | undefined => {
    if (text === '') {
      const message =
        data.length === 0 ? undefined : { id, event: event === '' ? 'message' : event, data: data.join('\n') };
      event = '';
      data = [];
      return message;
    }
    const colon = text.indexOf(':');
    const field = colon === -1 ? text : text.slice(0, colon);
    const value = colon === -1 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    return undefined;
  };

  return (piece) => {
    if (first && piece !== '') {
      first = false;
      rest = piece.startsWith('\uFEFF') ? piece.slice(1) : piece;
    } else rest += piece;
    const messages: SseMessage[] = [];
    for (;;) {
      const end = /\r\n|\n|\r/.exec(rest);
      // A lone CR at the end may be the first half of CRLF: wait for more.
      if (end === null || (end[0] === '\r' && end.index === rest.length - 1)) return messages;
      const message = line(rest.slice(0, end.index));
      rest = rest.slice(end.index + end[0].length);
      if (message !== undefined) messages.push(message);
    }
  };
}
