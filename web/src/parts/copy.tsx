import { useRef, useState } from 'react';
import { Button } from './button.tsx';

/** A text to be taken away, with a button that copies it. */
export function CopyText({ text, label }: { text: string; label: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState('');
  const copy = async (): Promise<void> => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied.');
    } catch {
      // Browsers offer no clipboard on plain HTTP from another machine.
      setSaid('The text is selected: press Ctrl+C or Cmd+C.');
    }
  };
  return (
    <div>
      <div className="flex flex-wrap gap-2">
        <input
          ref={field}
          readOnly
          value={text}
          aria-label={label}
          className="min-w-0 flex-1 basis-64 font-mono"
          onFocus={(event) => event.target.select()}
        />
        <Button onClick={() => void copy()}>Copy</Button>
      </div>
      <p role="status" className="min-h-5 text-xs text-dim">
        {said}
      </p>
    </div>
  );
}
