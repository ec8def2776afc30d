import { stripVTControlCharacters } from 'node:util';

/** Colours and weights; each leaves the text alone where colours are off. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

export function makeStyle(on: boolean): Style {
  const code = (open: number, close: number) => (text: string) =>
    on && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: code(1, 22),
    dim: code(2, 22),
    red: code(31, 39),
    green: code(32, 39),
    yellow: code(33, 39),
    cyan: code(36, 39),
  };
}

/** Characters that a terminal shows of the text. */
export const visible = (text: string): number => stripVTControlCharacters(text).length;

export const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - visible(text)));

/** Cuts at the width, with an ellipsis; for lines that are drawn again and again. Takes text without colours. */
export const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/**
 * `head` and then the text, wrapped at the width; further lines are indented by `indent`, or as far as `head` reaches.
 * A word that is longer than a line (a hash, a path) stays whole, so that it can be copied.
 */
export function hanging(head: string, text: string, width: number, indent = visible(head)): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = lines.length === 0 ? head : ' '.repeat(indent);
    let empty = true;
    for (const word of paragraph.split(' ')) {
      if (!empty && visible(line) + 1 + visible(word) > width) {
        lines.push(line);
        line = ' '.repeat(indent);
        empty = true;
      }
      line += empty ? word : ` ${word}`;
      empty = false;
    }
    lines.push(line.trimEnd());
  }
  return lines;
}
