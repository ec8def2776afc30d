/** How many steps are behind a run. */
export const Progress = ({ done, total }: { done: number; total: number }) => (
  <div className="my-1 flex items-center gap-2">
    <progress
      value={done}
      max={total}
      aria-label={`${done} of ${total} steps done`}
      className="h-1.5 w-full max-w-60 appearance-none overflow-hidden rounded-full bg-sunken accent-accent-strong [&::-moz-progress-bar]:bg-accent-strong [&::-webkit-progress-bar]:bg-sunken [&::-webkit-progress-value]:bg-accent-strong"
    />
    <span className="text-xs whitespace-nowrap text-dim tabular-nums">
      {done} of {total}
    </span>
  </div>
);
