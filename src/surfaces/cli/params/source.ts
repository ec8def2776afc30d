import { readFileSync } from 'node:fs';
import type { Context } from '../context.ts';
import { usage } from '../problem.ts';

export interface SourceText {
  readonly text: string;
  /** True when it stood on the command line itself. */
  readonly inline: boolean;
}

/** The text of an option that takes JSON, `@FILE` or `-` for the standard input. Errors: `VALIDATION_FAILED`. */
export async function readSource(option: string, value: string, context: Context): Promise<SourceText> {
  if (value === '-') return { text: await context.stdin(option), inline: false };
  if (!value.startsWith('@')) return { text: value, inline: true };
  return { text: readFileText(value.slice(1), option), inline: false };
}

export function readFileText(path: string, where: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw usage(`${where}: the file ${path} cannot be read.`);
  }
}
