import { useState, type FormEvent } from 'react';
import { SHOWN_BEFORE } from '../../api/attempts.ts';
import { Problem } from '../../api/client.ts';
import { usePeopleChange } from '../../api/people_queries.ts';
import type { MadeToken, TokenClass, TokenRequest } from '../../api/people_types.ts';
import type { Me, Role } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { CopyText } from '../../parts/copy.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { EVERYWHERE, mayNotGrant, patterns } from './may.ts';
import { ROLES } from './roles.tsx';
import { Places } from './places.tsx';

const CLASSES: readonly (readonly [TokenClass, string])[] = [
  ['agent', 'agent: can never approve'],
  ['service', 'service: can never approve'],
  ['human', 'human: can approve'],
];
const EXPIRIES: readonly (readonly [string, string])[] = [
  ['1d', 'in a day'],
  ['30d', 'in 30 days'],
  ['90d', 'in 90 days'],
  ['365d', 'in a year'],
  ['', 'never'],
];

/** Makes a token that stands for itself, and shows it once. */
export function MakeTokenDialog({ me, onClose }: { me: Me; onClose: () => void }) {
  const [made, setMade] = useState<MadeToken>();
  return (
    <Dialog title={made === undefined ? 'Make a token' : `The token ${made.name}`} onClose={onClose}>
      {made === undefined ? <TokenForm me={me} onMade={setMade} /> : <Shown made={made} onClose={onClose} />}
    </Dialog>
  );
}

const Shown = ({ made, onClose }: { made: MadeToken; onClose: () => void }) => (
  <div className="flex flex-col gap-3">
    {made.token === SHOWN_BEFORE ? <LostAnswer /> : <Once made={made} />}
    <div>
      <Button onClick={onClose}>{made.token === SHOWN_BEFORE ? 'Close' : 'I have kept it'}</Button>
    </div>
  </div>
);

const LostAnswer = () => (
  <div role="alert" className="rounded-md border border-warn bg-warn-soft px-3 py-2">
    <p className="font-medium">It was made, and the answer that showed it was lost.</p>
    <p>A token is shown once. Revoke this one in the list, and make another.</p>
  </div>
);

const Once = ({ made }: { made: MadeToken }) => (
  <div role="alert" className="rounded-md border border-warn bg-warn-soft px-3 py-2">
    <p className="mb-2 font-medium">Shown this once: the server keeps only a hash of it.</p>
    <CopyText text={made.token} label={`Token ${made.name}`} />
    <p className="text-dim">Whoever has it can do what it may. Put it where nobody but its holder reads it.</p>
  </div>
);

function TokenForm({ me, onMade }: { me: Me; onMade: (made: MadeToken) => void }) {
  const everywhere = mayNotGrant(me, EVERYWHERE) === undefined;
  const [name, setName] = useState('');
  const [kind, setKind] = useState<TokenClass>('agent');
  const [role, setRole] = useState<Role>('operator');
  const [places, setPlaces] = useState<readonly string[] | null>(everywhere ? null : []);
  const [actions, setActions] = useState('');
  const [expires, setExpires] = useState('90d');
  const send = usePeopleChange<MadeToken, TokenRequest>((client, request) => client.post('/v1/tokens', request));
  const errors = send.error instanceof Problem ? send.error.errors : {};
  const placed = Object.keys(errors).filter((key) => key === 'name' || key.startsWith('actions'));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wanted = patterns(actions);
    const request: TokenRequest = {
      name: name.trim(),
      role,
      class: kind,
      ...(places === null ? {} : { environments: places }),
      ...(wanted.length === 0 ? {} : { actions: wanted }),
      ...(expires === '' ? {} : { expires_in: expires }),
    };
    send.mutate(request, { onSuccess: onMade });
  };
  const why =
    name.trim() === '' ? 'Give a name first.' : places?.length === 0 ? 'Choose an environment first.' : undefined;
  const actionError = Object.entries(errors).find(([key]) => key.startsWith('actions'))?.[1];
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {send.error !== null && (placed.length === 0 || placed.length < Object.keys(errors).length) && (
        <ProblemNote error={send.error} placed={placed} />
      )}
      <Field label="Name" required hint="What it is for; shown in plans and in the audit log." error={errors['name']}>
        {(ids) => (
          <input
            {...ids}
            value={name}
            maxLength={64}
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Choice
        label="Class"
        value={kind}
        options={CLASSES}
        onChange={setKind}
        hint="Who holds it: an AI or another agent, a program, or a person."
      />
      <Choice label="Role" value={role} options={ROLES} onChange={setRole} hint="What it may do at most." />
      <Places me={me} places={places} onChange={setPlaces} />
      <ActionsField value={actions} error={actionError} onChange={setActions} />
      <Choice label="Ends" value={expires} options={EXPIRIES} onChange={setExpires} />
      <div>
        <Button type="submit" look="primary" busy={send.isPending} disabledBecause={why}>
          Make the token
        </Button>
      </div>
    </form>
  );
}

interface ActionsProps {
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
}

const ActionsField = ({ value, error, onChange }: ActionsProps) => (
  <Field label="Actions that it is held to" hint="Such as vm.* snapshot.create; all when left empty." error={error}>
    {(ids) => (
      <input
        {...ids}
        value={value}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        className="font-mono"
        onChange={(event) => onChange(event.target.value)}
      />
    )}
  </Field>
);

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [T, string])[];
  readonly onChange: (value: T) => void;
  readonly hint?: string;
}

const Choice = <T extends string>({ label, value, options, onChange, hint }: ChoiceProps<T>) => (
  <Field label={label} hint={hint}>
    {(ids) => (
      <select {...ids} value={value} onChange={(event) => onChange(event.target.value as T)}>
        {options.map(([one, words]) => (
          <option key={one} value={one}>
            {words}
          </option>
        ))}
      </select>
    )}
  </Field>
);
