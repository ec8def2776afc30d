import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { ProblemNote } from './problem_note.tsx';

interface ConfirmProps {
  readonly title: string;
  /** What will be, in plain words. */
  readonly children: ReactNode;
  /** What the button says that does it. */
  readonly button: string;
  readonly busy: boolean;
  readonly error: Error | null;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks once more before something is taken away. The way back comes first, so that Enter alone takes nothing. */
export const Confirm = ({ title, children, button, busy, error, onConfirm, onClose }: ConfirmProps) => (
  <Dialog title={title} onClose={onClose}>
    <div className="flex flex-col gap-3">
      {error !== null && <ProblemNote error={error} />}
      {children}
      <div className="flex flex-wrap gap-2 pt-1">
        <Button onClick={onClose}>Leave it as it is</Button>
        <Button look="danger" busy={busy} onClick={onConfirm}>
          {button}
        </Button>
      </div>
    </div>
  </Dialog>
);
