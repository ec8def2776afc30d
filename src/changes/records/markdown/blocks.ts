import type { Line } from '../model.ts';

export interface Section {
  readonly heading: string;
  readonly lines: readonly string[];
}

export interface Document {
  /** Of the front matter; empty where there is none. */
  readonly front: string;
  /** Without its marks: `CC-001 — Title`. */
  readonly title: string | undefined;
  /** What stands between the title and the first section. */
  readonly head: readonly string[];
  readonly sections: readonly Section[];
}

/** The document cut at its headings: `#` or `##` is the title, `###` and deeper begins a section. */
export function cut(text: string): Document {
  const { front, body } = frontMatter(text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n'));
  let title: string | undefined;
  const head: string[] = [];
  const sections: { heading: string; lines: string[] }[] = [];
  let fenced = false;
  for (const line of body.split('\n')) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    const [, marks, words = ''] = (fenced ? null : /^(#{1,6})\s+(.*?)\s*#*$/.exec(line)) ?? [];
    if (marks === undefined) (sections.at(-1)?.lines ?? head).push(line);
    else if (marks.length < 3 && title === undefined && sections.length === 0) title = words;
    else sections.push({ heading: words, lines: [] });
  }
  return { front, title, head, sections: sections.map(withoutRules) };
}

function frontMatter(text: string): { front: string; body: string } {
  const match = /^---\n([\s\S]*?)\n---\n/.exec(text);
  return match === null ? { front: '', body: text } : { front: match[1] ?? '', body: text.slice(match[0].length) };
}

/** A rule (`---`) at the end of a section only divides it from the next. */
function withoutRules({ heading, lines }: Section): Section {
  let end = lines.length;
  while (end > 0 && /^\s*(?:-{3,}|\*{3,}|_{3,})?\s*$/.test(lines[end - 1] ?? '')) end--;
  let start = 0;
  while (start < end && lines[start]?.trim() === '') start++;
  return { heading, lines: lines.slice(start, end) };
}

/** `**Name:** value` lines of a text, by name in lower case. */
export function boldFields(lines: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^\s*(?:[-*+]\s+)?\*\*([^*]+?):?\*\*:?\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined) found.set(name.trim().toLowerCase(), value ?? '');
  }
  return found;
}

const BULLET = /^(\s*)(?:[-*+]|\d+[.)])\s+(.*?)\s*$/;

/** A list with what is indented below its lines. A line that continues the one before belongs to it. */
export function listOf(lines: readonly string[]): Line[] {
  interface Growing {
    text: string;
    lines?: Growing[];
  }
  const root: Growing[] = [];
  const open: { indent: number; line: Growing }[] = [];
  for (const raw of lines) {
    const [, space, words] = BULLET.exec(raw) ?? [];
    if (space === undefined || words === undefined) {
      const last = open.at(-1);
      if (last !== undefined && raw.trim() !== '') last.line.text += ` ${raw.trim()}`;
      continue;
    }
    const indent = space.replaceAll('\t', '    ').length;
    while (open.length > 0 && (open.at(-1)?.indent ?? 0) >= indent) open.pop();
    const line: Growing = { text: words };
    const parent = open.at(-1)?.line;
    if (parent === undefined) root.push(line);
    else (parent.lines ??= []).push(line);
    open.push({ indent, line });
  }
  return root;
}

/** Sub-lists of a section under lines such as `**In Scope:**`, by that line's words in lower case. */
export function labelled(lines: readonly string[]): Map<string, { label: string; lines: string[]; beside: string }> {
  const found = new Map<string, { label: string; lines: string[]; beside: string }>();
  let current: { label: string; lines: string[]; beside: string } | undefined;
  for (const line of lines) {
    const [, label, beside = ''] = /^\*\*([^*]+?):?\*\*:?\s*(.*?)\s*$/.exec(line) ?? [];
    if (label === undefined) current?.lines.push(line);
    else {
      current = { label: label.trim(), lines: [], beside };
      found.set(current.label.toLowerCase(), current);
    }
  }
  return found;
}
