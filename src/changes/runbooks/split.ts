import type { Problems } from './problems.ts';

interface Piece {
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

export interface StepText {
  readonly number: number;
  readonly title: string;
  readonly text: string;
  readonly line: number;
  /** The content of its `step` fence. */
  readonly block: Piece | undefined;
}

export interface RunbookText {
  readonly head: Piece;
  readonly introduction: string;
  readonly steps: readonly StepText[];
}

const FENCE = /^(`{3,}|~{3,})\s*(\S*)\s*$/;

/** A section under construction. */
interface Section {
  number: number;
  title: string;
  line: number;
  text: string[];
  block?: { line: number; text: string[] };
}

/** Cuts a runbook into front matter, introduction and steps, by its lines alone. */
export function splitRunbook(text: string, problems: Problems): RunbookText {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const end = lines[0] === '---' ? lines.indexOf('---', 1) : -1;
  if (end < 0) problems.add(1, 'begins with front matter: `---`, fields such as `id: …`, `---`');
  const head = { text: lines.slice(1, Math.max(end, 1)).join('\n'), line: 2 };
  const sections = readSections(lines, end + 1, problems);
  const [introduction, ...steps] = sections;
  if (steps.length === 0) problems.add(lines.length, 'has no step; one begins with a line such as `## 1. Title`');
  steps.forEach(({ number, line, block, title }, index) => {
    if (number >= 0 && number !== index + 1) problems.add(line, `this is step ${index + 1} and is numbered ${number}`);
    if (block === undefined) problems.add(line, `step "${title}" has no fenced block that begins with \`\`\`step`);
  });
  return {
    head,
    introduction: (introduction?.text ?? []).join('\n').trim(),
    steps: steps.map(({ block, text: body, ...step }) => ({
      ...step,
      text: body.join('\n').trim(),
      block: block === undefined ? undefined : { text: block.text.join('\n'), line: block.line },
    })),
  };
}

/** The introduction and then one section a step. */
function readSections(lines: readonly string[], from: number, problems: Problems): Section[] {
  const sections: Section[] = [{ number: 0, title: '', line: from + 1, text: [] }];
  let fence: { readonly mark: string; readonly line: number; readonly into: string[] } | undefined;
  for (let index = from; index < lines.length; index++) {
    const line = lines[index] ?? '';
    const section = sections.at(-1) as Section;
    if (fence !== undefined) {
      if (closes(line, fence.mark)) {
        if (fence.into === section.text) section.text.push(line);
        fence = undefined;
      } else fence.into.push(line);
      continue;
    }
    const [, mark, word] = FENCE.exec(line) ?? [];
    if (mark !== undefined)
      fence = { mark, line: index + 1, into: openFence(section, word, line, index + 1, problems) };
    else if (line.startsWith('## ')) sections.push(openStep(line, index + 1, problems));
    else section.text.push(line);
  }
  if (fence !== undefined) problems.add(fence.line, `this block is never closed with ${fence.mark}`);
  return sections;
}

const closes = (line: string, mark: string): boolean =>
  line.trimEnd().length >= mark.length && line.trimEnd() === (mark[0] ?? '').repeat(line.trimEnd().length);

/** Where the lines of a block go: into the step's own fields, or into the text as any other code. */
function openFence(section: Section, word: string | undefined, line: string, at: number, problems: Problems): string[] {
  if (word !== 'step') {
    section.text.push(line);
    return section.text;
  }
  if (section.number === 0) problems.add(at, 'a `step` block stands in a step, below a line such as `## 1. Title`');
  if (section.block !== undefined) problems.add(at, `step ${section.number} has two \`step\` blocks`);
  section.block = { line: at + 1, text: [] };
  return section.block.text;
}

function openStep(line: string, at: number, problems: Problems): Section {
  const [, number, title] = /^## (\d{1,3})\. (\S.*)$/.exec(line) ?? [];
  if (number === undefined) problems.add(at, 'a heading of the second level is a step: `## 1. Title`');
  return { number: Number(number ?? -1), title: title?.trim() ?? line.slice(3).trim(), line: at, text: [] };
}
