import { isMap, isScalar, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { fit } from '../../kernel/fit.ts';
import type { Problems } from './problems.ts';

/** A piece of YAML inside a Markdown file, which knows the lines of the file. */
export class YamlPiece {
  readonly #counter = new LineCounter();
  readonly #document: Document;
  readonly #first: number;
  readonly #problems: Problems;
  /** Undefined where it is not a map of plain values. */
  readonly value: Readonly<Record<string, unknown>> | undefined;

  /** `first` is the line of its first line in the file. */
  constructor(text: string, first: number, problems: Problems) {
    this.#first = first;
    this.#problems = problems;
    this.#document = parseDocument(text, { lineCounter: this.#counter, logLevel: 'silent' });
    this.value = this.#read(text);
  }

  #read(text: string): Readonly<Record<string, unknown>> | undefined {
    // In YAML `{{name}}` without quotes is a map of a map.
    const bare = text.split('\n').findIndex((line) => /(:|-)\s+\{\{/.test(line));
    if (bare >= 0) return this.#refuse(this.#first + bare, "a placeholder needs quotes: '{{name}}'");
    const [broken] = this.#document.errors;
    if (broken !== undefined) return this.#refuse(this.#lineAt(broken.pos[0]), broken.message.split('\n')[0] ?? '');
    const odd = oddAt(this.#document);
    if (odd !== undefined)
      return this.#refuse(this.#lineAt(odd), 'only plain names may be keys, and there are no aliases');
    if (!isMap(this.#document.contents)) return this.#refuse(this.#first, 'must be fields, one `name: value` a line');
    return this.#document.toJS() as Readonly<Record<string, unknown>>;
  }

  #refuse(line: number, what: string): undefined {
    this.#problems.add(line, what);
    return undefined;
  }

  #lineAt(offset: number): number {
    return this.#first + this.#counter.linePos(offset).line - 1;
  }

  /** The line of a field, or of what is nearest above it. */
  lineOf(path: readonly PropertyKey[]): number {
    for (let length = path.length; length > 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true) as Node | undefined;
      const offset = node?.range?.[0];
      if (offset !== undefined) return this.#lineAt(offset);
    }
    return this.#first;
  }

  /** `value` through a schema; what is wrong is noted with its line. `of` takes another value in the place of its own. */
  parse<S extends z.ZodType>(schema: S, of: unknown = this.value): z.output<S> | undefined {
    const parsed = fit(schema, of);
    if (parsed.success) return parsed.data;
    for (const { path, what } of parsed.misfits)
      this.#problems.add(this.lineOf(path), `${path.join('.') || 'step'}: ${what}`);
    return undefined;
  }
}

/** Where something stands that fields have no use for; a run could not show it as it was written. */
function oddAt(document: Document): number | undefined {
  let odd: number | undefined;
  const note = (node: unknown): void => {
    odd ??= (node as Node | null)?.range?.[0] ?? 0;
  };
  visit(document, {
    Alias: (_, node) => note(node),
    Pair: (_, { key }) => {
      if (!isScalar(key) || typeof key.value !== 'string' || key.value.includes('{{')) note(key);
    },
  });
  return odd;
}
