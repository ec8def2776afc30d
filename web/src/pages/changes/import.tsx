import { useState } from 'react';
import type { Change } from '../../api/change_types.ts';
import { useMe, useSend } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { mayNotPropose } from '../rights.ts';

/** Takes a change from a Markdown file, under the number that it has there. */
export function ImportChange({ onTaken }: { onTaken: (id: string) => void }) {
  const { data: me } = useMe();
  const [file, setFile] = useState<File>();
  const why = mayNotPropose(me) ?? (file === undefined ? 'Choose a file.' : undefined);
  const send = useSend<Change, File>(async (post, chosen) =>
    post('/v1/changes/import', { markdown: await chosen.text() }),
  );
  return (
    <form
      className="mt-5 max-w-xl rounded-md border border-line bg-panel px-3 py-2.5"
      onSubmit={(event) => {
        event.preventDefault();
        if (file !== undefined) send.mutate(file, { onSuccess: ({ id }) => onTaken(id) });
      }}
    >
      {send.error !== null && <ProblemNote error={send.error} />}
      <Field
        label="Import a change"
        hint="A Markdown document in the shape of CC-001. It keeps its number; it cannot say of itself that it was approved."
      >
        {(ids) => (
          <input
            {...ids}
            type="file"
            accept=".md,.markdown,text/markdown,text/plain"
            className="w-full"
            onChange={(event) => setFile(event.target.files?.[0])}
          />
        )}
      </Field>
      <div className="mt-2">
        <Button type="submit" busy={send.isPending} disabledBecause={why}>
          Import it
        </Button>
      </div>
    </form>
  );
}
