import { Field, type FieldIds } from '../../parts/field.tsx';
import { oneLine } from '../../parts/format.ts';
import type { Param } from './schema.ts';

interface ParamFieldProps {
  readonly param: Param;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error: string | undefined;
}

/** One parameter of an action, asked for as its schema says. */
export function ParamField({ param, value, onChange, error }: ParamFieldProps) {
  const { name, kind, required, schema } = param;
  const hint = hintOf(param);
  const wide = kind === 'json' || kind === 'long' || kind === 'list';
  const label = <span className="font-mono">{name}</span>;
  if (kind === 'choices') return <Choices {...{ param, value, onChange, error }} hint={hint} />;
  return (
    <div className={wide ? 'sm:col-span-2' : ''}>
      <Field label={label} required={required} error={error} {...(hint === '' ? {} : { hint })}>
        {(ids) => {
          if (kind === 'boolean' || kind === 'choice') return <Select ids={ids} {...{ param, value, onChange }} />;
          if (wide) {
            const rows = kind === 'json' ? 5 : 3;
            return (
              <textarea
                {...ids}
                rows={rows}
                spellCheck={kind === 'long'}
                value={value}
                onChange={(event) => onChange(event.target.value)}
                className="w-full font-mono"
              />
            );
          }
          return (
            <input
              {...ids}
              type={kind === 'secret' ? 'password' : 'text'}
              inputMode={kind === 'number' ? 'numeric' : undefined}
              autoComplete={kind === 'secret' ? 'new-password' : 'off'}
              spellCheck={false}
              placeholder={schema.default === undefined ? undefined : oneLine(schema.default)}
              value={value}
              onChange={(event) => onChange(event.target.value)}
              className="w-full font-mono"
            />
          );
        }}
      </Field>
    </div>
  );
}

function hintOf({ kind, schema: { description, minimum, maximum, default: preset } }: Param): string {
  const range =
    kind === 'number' && minimum !== undefined && maximum !== undefined && maximum < 2 ** 40
      ? `${minimum} to ${maximum}.`
      : '';
  const form = kind === 'list' ? 'One a line.' : kind === 'json' ? 'As JSON.' : '';
  const usual =
    preset === undefined || (Array.isArray(preset) && preset.length === 0) ? '' : `Left out: ${oneLine(preset)}.`;
  return [description, range, form, usual].filter((text) => text !== undefined && text !== '').join(' ');
}

type Control = Omit<ParamFieldProps, 'error'>;

function Select({ ids, param: { kind, options, required }, value, onChange }: Control & { ids: FieldIds }) {
  const choices =
    kind === 'boolean'
      ? [
          ['true', 'yes'],
          ['false', 'no'],
        ]
      : options.map((option) => [option, option]);
  return (
    <select {...ids} value={value} onChange={(event) => onChange(event.target.value)} className="w-full">
      <option value="">{required ? 'choose' : 'left out'}</option>
      {choices.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** Several of a few: check boxes; the order of checking is kept, because it can matter. */
function Choices({ param: { name, options }, value, onChange, error, hint }: ParamFieldProps & { hint: string }) {
  const chosen = value.split('\n').filter((part) => part !== '');
  const toggle = (option: string): void =>
    onChange((chosen.includes(option) ? chosen.filter((one) => one !== option) : [...chosen, option]).join('\n'));
  return (
    <fieldset className="min-w-0 sm:col-span-2">
      <legend className="font-mono font-medium">{name}</legend>
      {hint !== '' && <p className="text-xs text-dim">{hint}</p>}
      <div className="mt-1 flex flex-wrap gap-x-4 gap-y-1">
        {options.map((option) => (
          <label key={option} className="flex items-center gap-1.5">
            <input type="checkbox" checked={chosen.includes(option)} onChange={() => toggle(option)} />
            <span className="font-mono">{option}</span>
          </label>
        ))}
      </div>
      {error !== undefined && <p className="text-bad">{error}</p>}
    </fieldset>
  );
}
