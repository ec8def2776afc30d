import type { TraceStep, UndoPlan } from '../../api/types.ts';
import { Chip } from '../../parts/chip.tsx';
import { oneLine } from '../../parts/format.ts';

/** What follows for this step when a later one fails. */
function undoText(undo: UndoPlan | undefined): string | undefined {
  if (undo === undefined) return undefined;
  if (undo.kind === 'none') return `Nothing to take back: ${undo.why ?? ''}`;
  if (undo.kind === 'irreversible') return `Cannot be undone: ${undo.why ?? ''}`;
  if (undo.kind === 'with') return `Undone together with “${undo.title ?? ''}”`;
  return `Undone by: ${undo.title ?? ''}${undo.method === undefined ? '' : ` (${undo.method} ${undo.path ?? ''})`}`;
}

/** The exact calls in their order. Nothing that is not in this list will be sent. */
export function Trace({ trace }: { trace: readonly TraceStep[] }) {
  if (trace.length === 0) return <p className="text-dim">No call changes anything.</p>;
  return (
    <ol className="divide-y divide-line rounded-md border border-line">
      {trace.map((step) => (
        <Step key={step.seq} step={step} />
      ))}
    </ol>
  );
}

function Step({ step: { seq, title, method, path, params, task, undo, runtime = [] } }: { step: TraceStep }) {
  const given = Object.entries(params ?? {});
  const back = undoText(undo);
  return (
    <li className="px-3 py-2">
      <div className="flex flex-wrap items-baseline gap-x-2">
        <span className="text-dim tabular-nums">{seq}.</span>
        <span className="font-medium">{title}</span>
        {task !== undefined && task !== null && (
          <Chip title="The Proxmox VE task that this call starts">task {task}</Chip>
        )}
      </div>
      <div className="mt-1 overflow-x-auto rounded bg-sunken px-2 py-1 font-mono text-xs">
        <p className="break-all">
          <strong>{method}</strong> {path}
        </p>
        {given.map(([name, value]) => (
          <p key={name} className="pl-4 break-all">
            <span className="text-dim">{name}=</span>
            {oneLine(value)}
          </p>
        ))}
        {runtime.map((item) => (
          <p key={oneLine(item)} className="pl-4 break-all text-warn">
            {typeof item === 'string'
              ? `${item}: known only while it runs`
              : `${item.param}: known only while it runs, from ${item.origin}`}
          </p>
        ))}
      </div>
      {back !== undefined && (
        <p className={`mt-1 text-xs ${undo?.kind === 'irreversible' ? 'text-bad' : 'text-dim'}`}>{back}</p>
      )}
    </li>
  );
}
