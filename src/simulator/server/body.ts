import type { IncomingMessage } from 'node:http';
import type { SimRequest } from '../core/dispatch.ts';
import { boundaryOf, MultipartReader } from './multipart.ts';

type Params = Record<string, string | string[] | number | boolean>;

/** PVE takes bodies up to this size (FACTS 12). */
const MAX_BODY = 512 * 1024;

/** An answer to give instead of going on, because the request itself is not acceptable. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly status: number;
  /** `text`: the words are the body; `json`: in PVE's envelope; `empty`: only the status line has them. */
  readonly shape: 'text' | 'json' | 'empty';

  constructor(status: number, words: string, shape: 'text' | 'json' | 'empty' = 'json') {
    super(words);
    this.status = status;
    this.shape = shape;
  }
}

/** Names come from outside, and an object has some of its own, such as `constructor`. */
const noParams = (): Params => Object.create(null) as Params;

/** A repeated key becomes a list (FACTS 13). */
export function formParams(text: string, into: Params = noParams()): Params {
  for (const [name, value] of new URLSearchParams(text)) {
    const before = into[name];
    if (before === undefined) into[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else into[name] = [String(before), value];
  }
  return into;
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // What is too long is still read to its end, so that the caller gets an answer and not a broken connection.
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  if (size > MAX_BODY) throw new BadRequest(501, 'for data too large', 'empty');
  return Buffer.concat(chunks).toString('utf8');
}

/** Where a form with a file may be sent to (FACTS 12). */
export const UPLOAD = /^\/nodes\/[^/]+\/storage\/[^/]+\/upload$/;

/** Reads a form with a file as it comes in; undefined, with nothing read, when the request is none. */
export async function readUpload(request: IncomingMessage): Promise<MultipartReader | undefined> {
  const boundary = boundaryOf(request.headers['content-type']);
  if (boundary === undefined || request.method !== 'POST') return undefined;
  const reader = new MultipartReader(boundary);
  for await (const chunk of request as AsyncIterable<Buffer>) reader.push(chunk);
  return reader;
}

/** Query and body as one set of parameters (FACTS 11, 12). */
export function readParams(
  method: string,
  query: string,
  body: string,
  contentType: string | undefined,
): SimRequest['params'] {
  const params = formParams(query);
  if (body === '') return params;
  if (method === 'DELETE' || method === 'GET')
    throw new BadRequest(501, `Unexpected content for method '${method}'`, 'empty');
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? 'application/x-www-form-urlencoded';
  if (type === 'application/json') return Object.assign(params, jsonParams(body));
  if (type !== 'application/x-www-form-urlencoded') throw new BadRequest(506, `upload '${type}' not allowed`, 'empty');
  return formParams(body, params);
}

function jsonParams(body: string): Params {
  try {
    const out = noParams();
    for (const [name, value] of Object.entries((JSON.parse(body) as object | null) ?? {})) {
      if (value === null) throw new BadRequest(500, `parameter '${name}' is null`, 'text');
      out[name] = Array.isArray(value)
        ? value.map(String)
        : typeof value === 'object'
          ? JSON.stringify(value)
          : (value as string | number | boolean);
    }
    return out;
  } catch (error) {
    // Nesting can be too deep for turning it into text.
    if (error instanceof SyntaxError || error instanceof RangeError)
      throw new BadRequest(500, 'malformed JSON string', 'text');
    throw error;
  }
}
