import { useEffect, useId, useRef, type ReactNode } from 'react';

interface DialogProps {
  readonly title: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly wide?: boolean;
}

/** A modal dialog. The browser itself traps the focus, closes on Escape and gives the focus back. */
export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const top = useRef<HTMLHeadingElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // Reading starts at the top, not at whatever can be pressed first.
    top.current?.focus();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      className={`m-auto max-h-[94dvh] w-[calc(100%-1rem)] overflow-hidden rounded-lg border border-line bg-panel text-text shadow-xl ${wide ? 'max-w-5xl' : 'max-w-2xl'}`}
    >
      <div className="flex max-h-[94dvh] flex-col">
        <header className="flex items-start gap-3 border-b border-line px-4 py-3">
          <h2
            ref={top}
            id={heading}
            tabIndex={-1}
            className="outline-none min-w-0 flex-1 text-base font-semibold break-words"
          >
            {title}
          </h2>
          <button
            type="button"
            onClick={onClose}
            aria-label="Close"
            title="Close (Escape)"
            className="-my-1 min-h-[2.15rem] rounded px-2 text-dim hover:bg-sunken"
          >
            Close
          </button>
        </header>
        <div className="min-h-0 overflow-y-auto px-4 py-3">{children}</div>
      </div>
    </dialog>
  );
}
