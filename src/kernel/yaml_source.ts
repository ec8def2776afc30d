import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node } from 'yaml';

export type YamlPath = readonly (string | number)[];

/** A YAML file that can say where in it something stands. */
export class YamlSource {
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines });
  }

  /** What makes it no YAML, each with its offset. */
  get errors(): { readonly offset: number; readonly what: string }[] {
    return this.#document.errors.map(({ pos, message }) => ({
      offset: pos[0],
      what: message.split('\n')[0]?.replace(/ at line .*/, '') ?? 'is not YAML',
    }));
  }

  value(): unknown {
    return this.#document.toJS();
  }

  node(path: YamlPath): Node | undefined {
    return (path.length === 0 ? this.#document.contents : this.#document.getIn(path, true)) as Node | undefined;
  }

  /** The start of what a path names, or of the nearest that there is around it. */
  offset(path: YamlPath): number {
    const node = this.node(path);
    if (node?.range) return node.range[0];
    return path.length === 0 ? 0 : this.offset(path.slice(0, -1));
  }

  /** The start of a key of the mapping that a path names. */
  keyOffset(path: YamlPath, key: string): number {
    const map = this.node(path);
    const pair = isMap(map) ? map.items.find(({ key: one }) => isScalar(one) && one.value === key) : undefined;
    return (pair?.key as Node | undefined)?.range?.[0] ?? this.offset(path);
  }

  /** Line and column, both from 1. */
  place(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col };
  }
}
