import type { ReactNode } from 'react';
import type { Line } from '../../api/change_types.ts';

/** Bold as Markdown writes it; everything else of a text stands as it was written. */
const bold = (text: string): ReactNode[] =>
  text.split(/\*\*(.+?)\*\*/g).map((piece, at) => (at % 2 === 1 ? <strong key={at}>{piece}</strong> : piece));

export const Prose = ({ text }: { text: string }) => <p className="break-words whitespace-pre-wrap">{bold(text)}</p>;

export const Lines = ({ lines }: { lines: readonly Line[] }) => (
  <ul className="list-disc pl-5">
    {lines.map(({ text, lines: below = [] }, at) => (
      <li key={`${at} ${text}`} className="break-words">
        {bold(text)}
        {below.length > 0 && <Lines lines={below} />}
      </li>
    ))}
  </ul>
);
