import { createHash, type Hash } from 'node:crypto';
import type { Upload } from '../storage/names.ts';

const ALGORITHMS = new Set(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512']);
const MAX_FIELD = 64 * 1024;
const END_OF_HEADERS = Buffer.from('\r\n\r\n');

/** The boundary of a multipart form; undefined for any other type of content. */
export const boundaryOf = (contentType: string | undefined): string | undefined =>
  /^multipart\/form-data;.*?boundary="?([^";]+)"?/i.exec(contentType ?? '')?.[1];

/** Reads a form with one file as it comes in; of the file only size and checksum are kept. */
export class MultipartReader {
  readonly fields = Object.create(null) as Record<string, string>;
  readonly #delimiter: Buffer;
  /** What is not taken apart yet. The line break in front of the first boundary is the body's start. */
  #rest: Buffer = Buffer.from('\r\n');
  #state: 'body' | 'boundary' | 'headers' | 'done' = 'body';
  /** Name of the field that is being read; undefined before the first one. */
  #field: string | undefined;
  #isFile = false;
  #size: number | undefined;
  #hash: Hash | undefined;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#step());
  }

  /** The file that was sent; undefined when there was none. `id` names it: 32 hex digits. */
  upload(id: string): Upload | undefined {
    if (this.#size === undefined) return undefined;
    const checksum = this.#hash?.digest('hex');
    const path = `/var/tmp/pveupload-${id}`;
    return { path, size: this.#size, ...(checksum === undefined ? {} : { checksum }) };
  }

  /** True when there may be more to take apart. */
  #step(): boolean {
    switch (this.#state) {
      case 'body':
        return this.#body();
      case 'boundary':
        if (this.#rest.length < 2) return false;
        this.#state = this.#rest.subarray(0, 2).toString() === '--' ? 'done' : 'headers';
        this.#rest = this.#rest.subarray(2);
        return true;
      case 'headers':
        return this.#headers();
      case 'done':
        this.#rest = Buffer.alloc(0);
        return false;
    }
  }

  #body(): boolean {
    const at = this.#rest.indexOf(this.#delimiter);
    // The end of what is here may be the start of a boundary.
    const end = at >= 0 ? at : Math.max(0, this.#rest.length - this.#delimiter.length);
    this.#take(this.#rest.subarray(0, end));
    this.#rest = this.#rest.subarray(at >= 0 ? at + this.#delimiter.length : end);
    if (at >= 0) this.#state = 'boundary';
    return at >= 0;
  }

  #take(data: Buffer): void {
    if (this.#field === undefined) return;
    if (this.#isFile) {
      this.#size = (this.#size ?? 0) + data.length;
      this.#hash?.update(data);
    } else {
      this.fields[this.#field] = `${this.fields[this.#field] ?? ''}${data.toString('utf8')}`.slice(0, MAX_FIELD);
    }
  }

  #headers(): boolean {
    const at = this.#rest.indexOf(END_OF_HEADERS);
    if (at < 0) {
      // Headers that do not end are none, and must not fill the memory.
      if (this.#rest.length > MAX_FIELD) this.#state = 'done';
      return this.#state === 'done';
    }
    const text = this.#rest.subarray(0, at).toString('utf8');
    this.#rest = this.#rest.subarray(at + END_OF_HEADERS.length);
    const disposition = /content-disposition:\s*form-data;([^\r\n]*)/i.exec(text)?.[1] ?? '';
    this.#field = /(?:^|;)\s*name="?([^";]*)"?/.exec(disposition)?.[1];
    const filename = /;\s*filename="?([^";]*)"?/.exec(disposition)?.[1];
    this.#isFile = filename !== undefined;
    if (filename !== undefined) this.#startFile(filename);
    this.#state = 'body';
    return true;
  }

  #startFile(filename: string): void {
    this.fields.filename ??= filename;
    this.#size = 0;
    const algorithm = this.fields['checksum-algorithm'];
    if (algorithm !== undefined && ALGORITHMS.has(algorithm)) this.#hash = createHash(algorithm);
  }
}
