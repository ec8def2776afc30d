import type { Action, Guest, PveNode } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { RiskChip } from '../../parts/chip.tsx';
import { Field } from '../../parts/field.tsx';
import { ParamField } from './param_field.tsx';
import { toText, type Param, type Values } from './schema.ts';
import { byDomain, riskOf, riskWhy, targetChoices } from './targets.ts';

/** What is known of the environment, to choose from. */
export interface Lab {
  readonly guests: readonly Guest[];
  readonly nodes: readonly PveNode[];
}

interface ActionFieldProps {
  readonly actions: readonly Action[];
  readonly name: string;
  readonly action: Action | undefined;
  readonly error: string | undefined;
  readonly onChange: (name: string) => void;
}

export const ActionField = ({ actions, name, action, error, onChange }: ActionFieldProps) => (
  <div>
    <Field label="Action" required error={error}>
      {(ids) => (
        <select {...ids} value={name} onChange={(event) => onChange(event.target.value)} className="w-full">
          <option value="">choose what is to be done</option>
          {byDomain(actions).map(([domain, members]) => (
            <optgroup key={domain} label={domain}>
              {members.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.title} ({one.name})
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      )}
    </Field>
    {action !== undefined && (
      <p className="mt-1">
        <RiskChip level={riskOf(action)} />{' '}
        <span className="text-dim">{[action.summary, riskWhy(action)].filter(Boolean).join(' Risk: ')}</span>
      </p>
    )}
  </div>
);

interface TargetFieldProps {
  readonly kind: string | undefined;
  readonly lab: Lab;
  readonly target: string;
  readonly error: string | undefined;
  readonly onChange: (target: string) => void;
}

export function TargetField({ kind, lab, target, error, onChange }: TargetFieldProps) {
  const choices = targetChoices(kind, lab.guests, lab.nodes);
  return (
    <Field
      label="Target"
      required
      error={error}
      hint={`Such as ${kind === undefined ? 'vm/101' : `${kind}/…`}; type to search by number or name.`}
    >
      {(ids) => (
        <>
          <input
            {...ids}
            list={`${ids.id}-list`}
            autoComplete="off"
            spellCheck={false}
            value={target}
            onChange={(event) => onChange(event.target.value)}
            className="font-mono"
          />
          <datalist id={`${ids.id}-list`}>
            {choices.map(({ value, text }) => (
              <option key={value} value={value} label={text} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

interface ParamsProps {
  readonly params: readonly Param[];
  readonly values: Values;
  readonly errorOf: (name: string) => string | undefined;
  readonly onChange: (values: Values) => void;
  readonly example: Readonly<Record<string, unknown>> | undefined;
}

export function Params({ params, values, errorOf, onChange, example }: ParamsProps) {
  if (params.length === 0) return <p className="text-dim">This action has no parameters.</p>;
  const fill = (): void =>
    onChange(Object.fromEntries(params.map((param) => [param.name, toText(param, example?.[param.name])])));
  const hasExample = example !== undefined && Object.keys(example).length > 0;
  return (
    <fieldset className="rounded-md border border-line px-3 pt-1 pb-3">
      <legend className="px-1 text-dim">Parameters</legend>
      {hasExample && (
        <div className="mb-2">
          <Button look="quiet" onClick={fill}>
            Fill in the example
          </Button>
        </div>
      )}
      <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2">
        {params.map((param) => (
          <ParamField
            key={param.name}
            param={param}
            value={values[param.name] ?? ''}
            error={errorOf(`params.${param.name}`)}
            onChange={(value) => onChange({ ...values, [param.name]: value })}
          />
        ))}
      </div>
    </fieldset>
  );
}
