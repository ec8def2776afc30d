import { Bar } from '../../parts/bar.tsx';
import { StateChip } from '../../parts/chip.tsx';
import { Elapsed } from '../../parts/time.tsx';
import { errorText, progressOf, type Step } from './steps.ts';

/** Every step with its state, its task and how far it is. */
export const StepList = ({ steps }: { steps: readonly Step[] }) => (
  <ol className="flex flex-col gap-2">
    {steps.map((step) => (
      <StepRow key={step.key} step={step} />
    ))}
  </ol>
);

function StepRow({ step: { seq, title, state, effect } }: { step: Step }) {
  const { fraction, line } = progressOf(effect);
  const running = state === 'running' || state === 'sending';
  const ended = effect?.ended_at ?? undefined;
  const error = errorText(effect?.error);
  const settled = effect?.in_doubt?.settled_by;
  return (
    <li className="grid grid-cols-[1.5rem_minmax(0,1fr)]">
      <span className="text-dim tabular-nums">{seq}.</span>
      <div className="min-w-0">
        <div className="flex flex-wrap items-baseline gap-x-2">
          <span className={state === 'to do' ? 'text-dim' : ''}>{title}</span>
          <StateChip state={state} />
          {(running || ended !== undefined) && (
            <span className="text-xs text-dim">
              <Elapsed from={effect?.started_at} to={ended} />
            </span>
          )}
        </div>
        {running && (
          <div className="my-1 max-w-md">
            <Bar share={fraction} label={`Progress of “${title}”`} tone="accent" />
          </div>
        )}
        {running && line !== undefined && (
          <p className="truncate font-mono text-xs text-dim" title={line}>
            {line}
          </p>
        )}
        {effect?.upid !== undefined && effect.upid !== null && (
          <p className="font-mono text-xs break-all text-dim">{effect.upid}</p>
        )}
        {(state === 'in doubt' || settled !== undefined) && (
          <p className="text-xs text-warn">
            {settled === undefined
              ? 'The answer to this call was lost; whether it took place is not known.'
              : `The answer to this call was lost; settled by ${settled}.`}
          </p>
        )}
        {error !== undefined && <p className="break-words text-bad">{error}</p>}
      </div>
    </li>
  );
}
