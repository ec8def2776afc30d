import { resolve } from 'node:path';
import type { Context } from '../context.ts';
import { bytes } from '../render/values.ts';

/** A copy of the database while it is in use. The path is one on the machine where the server runs. */
export async function backup(context: Context, _options: object, file: string): Promise<void> {
  // Absolute, because the server's own folder is another one.
  const answer = await context.api.post<{ file: string; bytes: number }>('/v1/store/backup', { file: resolve(file) });
  await context.show(answer, (body) => [`Written to ${body.file} (${bytes(body.bytes)}).`]);
}
