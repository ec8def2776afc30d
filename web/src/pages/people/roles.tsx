import { useId } from 'react';
import type { Grants } from '../../api/people_types.ts';
import { useEnvironments } from '../../api/queries.ts';
import type { Me, Role } from '../../api/types.ts';
import { Chip } from '../../parts/chip.tsx';
import { EVERYWHERE, inOrder, mayNotGrant, placeName } from './may.ts';

export const ROLES: readonly (readonly [Role, string])[] = [
  ['viewer', 'viewer: looks only'],
  ['operator', 'operator: plans and applies'],
  ['approver', 'approver: also approves'],
  ['admin', 'admin: also people and tokens'],
];

/** Roles by environment, as small words. */
export const Roles = ({ grants }: { grants: Grants }) => {
  const all = inOrder(grants);
  if (all.length === 0) return <span className="text-dim">no rights</span>;
  return (
    <span className="flex flex-wrap gap-1">
      {all.map(([name, role]) => (
        <Chip key={name} tone={role === 'admin' ? 'accent' : 'none'}>
          {name === EVERYWHERE ? 'all' : name}: {role}
        </Chip>
      ))}
    </span>
  );
};

interface ChoiceProps {
  readonly me: Me;
  readonly choices: Readonly<Record<string, Role | ''>>;
  readonly onChange: (choices: Readonly<Record<string, Role | ''>>) => void;
}

/** A role for each environment, and one for all that are not named. */
export function RoleChoice({ me, choices, onChange }: ChoiceProps) {
  const configured = useEnvironments().data?.environments.map(({ name }) => name) ?? [];
  const named = Object.keys(choices).filter((name) => name !== EVERYWHERE);
  const rows = [EVERYWHERE, ...new Set([...configured, ...named].toSorted())];
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="mb-1 font-medium">Role in each environment</legend>
      {rows.map((name) => (
        <Row
          key={name}
          name={name}
          value={choices[name] ?? ''}
          rest={choices[EVERYWHERE] ?? ''}
          why={mayNotGrant(me, name)}
          onChange={(role) => onChange({ ...choices, [name]: role })}
        />
      ))}
      <p className="text-xs text-dim">A role in a named environment counts there instead of the one in all.</p>
    </fieldset>
  );
}

interface RowProps {
  readonly name: string;
  readonly value: Role | '';
  /** The role in all environments. */
  readonly rest: Role | '';
  readonly why: string | undefined;
  readonly onChange: (role: Role | '') => void;
}

function Row({ name, value, rest, why, onChange }: RowProps) {
  const id = useId();
  const none = name === EVERYWHERE || rest === '' ? 'no rights' : `as in all: ${rest}`;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <label htmlFor={id} className="basis-full break-words sm:w-36 sm:basis-auto">
        {placeName(name)}
      </label>
      <select
        id={id}
        aria-describedby={why === undefined ? undefined : `${id}-why`}
        value={value}
        disabled={why !== undefined}
        onChange={(event) => onChange(event.target.value as Role | '')}
        className="min-w-0 flex-1"
      >
        <option value="">{none}</option>
        {ROLES.map(([role, words]) => (
          <option key={role} value={role}>
            {words}
          </option>
        ))}
      </select>
      {why !== undefined && (
        <span id={`${id}-why`} className="basis-full text-xs text-dim">
          {why}
        </span>
      )}
    </div>
  );
}
