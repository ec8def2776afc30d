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

/** A mapping in a file, `-` for the standard input. YAML is a superset of JSON: one reader for both. Errors:
 * `VALIDATION_FAILED` naming the place. */
export async function readYaml(context: Context, file: string, where: string): Promise<Record<string, unknown>> {
  const content = await readYamlValue(context, file, where);
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw usage(`${where}: ${file} must hold names with their values, such as \`title: …\`.`);
  return content as Record<string, unknown>;
}

export async function readYamlValue(context: Context, file: string, where: string): Promise<unknown> {
  const text = file === '-' ? await context.stdin(where) : readFileText(file, where);
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken !== undefined) throw usage(`${where}: ${broken.message.split('\n')[0] ?? 'is not YAML'}`);
  return document.toJS();
}
