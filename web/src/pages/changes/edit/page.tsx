import { useState } from 'react';
import { useChange, useRewrite, useWrite } from '../../../api/change_queries.ts';
import type { Change } from '../../../api/change_types.ts';
import { useMe } from '../../../api/queries.ts';
import { Button } from '../../../parts/button.tsx';
import { keptAttempts, useKept } from '../../../parts/kept.ts';
import { Loaded } from '../../../parts/section.tsx';
import { useEnvironment } from '../../environment.tsx';
import { mayNotPropose } from '../../rights.ts';
import { whyNotEdit } from '../may.ts';
import { Conflict } from './conflict.tsx';
import { bodyOf, changedBody, draftOf, EMPTY, type Draft } from './draft.ts';
import { ChangeForm } from './form.tsx';

interface DoneProps {
  /** Where to go then: the change, or back where there is none. */
  readonly onDone: (id: string | undefined) => void;
}

/** Kept for the caller alone: somebody else at the same screen does not find it. */
const useDraftKey = (what: string): string => `${useMe().data?.id ?? ''}.${what}`;

/** A new change. What is written survives a reload until it is saved or thrown away. */
export function NewChange(props: DoneProps) {
  const { data: me } = useMe();
  return me === undefined ? null : <NewForm {...props} />;
}

function NewForm({ onDone }: DoneProps) {
  const { data: me } = useMe();
  const here = useEnvironment();
  const key = useDraftKey('new change');
  const [kept, keep] = useKept<Draft>(key);
  const [restored] = useState(kept !== undefined);
  const send = useWrite(keptAttempts(`${key} sent`));
  const draft = kept ?? { ...EMPTY, environments: here === undefined ? [] : [here] };
  const end = (id: string | undefined): void => {
    keep(undefined);
    onDone(id);
  };
  return (
    <article aria-label="New change" className="flex min-w-0 flex-col gap-4">
      <h2 className="text-base font-semibold">New change</h2>
      {restored && kept !== undefined && <Restored onDiscard={() => keep(undefined)} />}
      <ChangeForm
        draft={draft}
        onChange={keep}
        error={send.error}
        onSubmit={() => send.mutate(bodyOf(draft), { onSuccess: ({ id }) => end(id) })}
      >
        <Buttons
          save="Write it down"
          busy={send.isPending}
          disabledBecause={mayNotPropose(me)}
          onDiscard={() => end(undefined)}
        />
      </ChangeForm>
    </article>
  );
}

/** A change that is being rewritten. */
export function EditChange({ id, ...props }: DoneProps & { readonly id: string }) {
  const { data: me } = useMe();
  const query = useChange(id);
  return (
    <article aria-label={`Edit ${id}`} className="flex min-w-0 flex-col gap-4">
      <Loaded query={query} what={`the change ${id}`}>
        {(change) => (me === undefined ? null : <EditForm change={change} {...props} />)}
      </Loaded>
    </article>
  );
}

interface Kept {
  /** The change as it was when its words were taken over. */
  readonly base: Change;
  readonly draft: Draft;
}

function EditForm({ change, onDone }: DoneProps & { readonly change: Change }) {
  const { data: me } = useMe();
  const { id } = change;
  const [kept, keep] = useKept<Kept>(useDraftKey(id));
  const [restored] = useState(kept !== undefined);
  // From the first letter on, what was read stays where it is when somebody else writes.
  const { base, draft } = kept ?? { base: change, draft: draftOf(change) };
  const send = useRewrite(id);
  const end = (): void => {
    keep(undefined);
    onDone(id);
  };
  const save = (): void => {
    const changed = changedBody(draftOf(base), draft);
    if (Object.keys(changed).length === 0) end();
    else send.mutate({ ...changed, digest: base.digest }, { onSuccess: end });
  };
  const resolve = (next: Draft): void => {
    send.reset();
    keep({ base: change, draft: next });
  };
  const behind = change.digest !== base.digest && !send.isPending && !send.isSuccess;
  const why = whyNotEdit(me, change) ?? (behind ? 'Say first what is to become of what was rewritten.' : undefined);
  return (
    <>
      <h2 className="text-base font-semibold break-words">
        Edit <span className="font-mono">{id}</span> {change.title}
      </h2>
      {restored && kept !== undefined && <Restored onDiscard={() => keep(undefined)} />}
      {change.status === 'approved' && (
        <p className="text-warn">It is approved. When its words change, it has to be approved again.</p>
      )}
      {behind && <Conflict base={base} draft={draft} theirs={change} onResolved={resolve} />}
      <ChangeForm draft={draft} onChange={(next) => keep({ base, draft: next })} error={send.error} onSubmit={save}>
        <Buttons save="Save" busy={send.isPending} disabledBecause={why} onDiscard={end} />
      </ChangeForm>
    </>
  );
}

const Restored = ({ onDiscard }: { onDiscard: () => void }) => (
  <p role="status" className="flex flex-wrap items-center gap-2 rounded-md border border-line bg-panel px-3 py-2">
    What you wrote before is here again; it is not saved yet.
    <Button look="quiet" onClick={onDiscard}>
      Throw it away
    </Button>
  </p>
);

interface ButtonsProps {
  readonly save: string;
  readonly busy: boolean;
  readonly disabledBecause: string | undefined;
  readonly onDiscard: () => void;
}

const Buttons = ({ save, busy, disabledBecause, onDiscard }: ButtonsProps) => (
  <div className="flex flex-wrap items-center gap-2">
    <Button type="submit" look="primary" busy={busy} disabledBecause={disabledBecause}>
      {save}
    </Button>
    <Button look="quiet" onClick={onDiscard}>
      Cancel
    </Button>
  </div>
);
