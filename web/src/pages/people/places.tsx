import { useEnvironments } from '../../api/queries.ts';
import type { Me } from '../../api/types.ts';
import { EVERYWHERE, mayNotGrant } from './may.ts';

interface PlacesProps {
  readonly me: Me;
  /** Null: all. */
  readonly places: readonly string[] | null;
  readonly onChange: (places: readonly string[] | null) => void;
}

/** The environments that a token is good for. */
export function Places({ me, places, onChange }: PlacesProps) {
  const names = useEnvironments().data?.environments.map(({ name }) => name) ?? [];
  const turn = (name: string, on: boolean): void =>
    onChange(on ? [...(places ?? []), name] : (places ?? []).filter((one) => one !== name));
  return (
    <fieldset className="flex min-w-0 flex-col gap-1.5">
      <legend className="mb-1 font-medium">Environments that it is good for</legend>
      <Box
        label="all, also those to come"
        on={places === null}
        why={mayNotGrant(me, EVERYWHERE)}
        onChange={(on) => onChange(on ? null : [])}
      />
      {names.map((name) => (
        <Box
          key={name}
          label={name}
          on={places?.includes(name) ?? true}
          why={places === null ? '' : mayNotGrant(me, name)}
          onChange={(on) => turn(name, on)}
        />
      ))}
    </fieldset>
  );
}

interface BoxProps {
  readonly label: string;
  readonly on: boolean;
  /** Why it cannot be changed; empty where that needs no words. */
  readonly why: string | undefined;
  readonly onChange: (on: boolean) => void;
}

const Box = ({ label, on, why, onChange }: BoxProps) => (
  <label className="flex flex-wrap items-center gap-x-2">
    <input
      type="checkbox"
      checked={on}
      disabled={why !== undefined}
      onChange={(event) => onChange(event.target.checked)}
    />
    {label}
    {why !== undefined && why !== '' && <span className="text-xs text-dim">{why}</span>}
  </label>
);
