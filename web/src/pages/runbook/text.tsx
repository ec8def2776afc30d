/**
 * The text of a step as it was written: code stands in its own box, the rest is shown letter by letter. Markdown is not
 * turned into HTML, so nothing in a runbook can become more than text.
 */
export function StepText({ text }: { text: string }) {
  if (text === '') return null;
  // Odd pieces are what stood between two fences.
  const pieces = text.split(/^(?:```|~~~)[^\n]*$/m);
  return (
    <div className="flex flex-col gap-2">
      {pieces.map((piece, at) =>
        piece.trim() === '' ? null : at % 2 === 1 ? (
          <pre key={at} tabIndex={0} className="overflow-x-auto rounded bg-sunken p-2 font-mono text-xs">
            {piece.replace(/^\n|\n$/g, '')}
          </pre>
        ) : (
          <p key={at} className="break-words whitespace-pre-line">
            {inline(piece.trim().replace(/([^\n])\n(?![\n-])[ ]*/g, '$1 '))}
          </p>
        ),
      )}
    </div>
  );
}

/** Names between backticks in the type of code. */
const inline = (text: string) =>
  text.split(/`([^`\n]+)`/).map((part, at) =>
    at % 2 === 1 ? (
      <code key={at} className="font-mono text-[0.92em]">
        {part}
      </code>
    ) : (
      part
    ),
  );
