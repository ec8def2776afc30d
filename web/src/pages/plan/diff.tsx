import type { DiffField, DiffObject } from '../../api/types.ts';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { oneLine } from '../../parts/format.ts';
import { Table, type Column } from '../../parts/table.tsx';

const KINDS: Readonly<Record<string, readonly [word: string, tone: Tone]>> = {
  create: ['is made', 'ok'],
  update: ['is changed', 'warn'],
  delete: ['is removed', 'bad'],
};

/** When a changed field takes effect, in words. */
function effectText(effect: string | undefined): string {
  if (effect === undefined) return '';
  const texts: Readonly<Record<string, string>> = {
    live: 'at once',
    reboot: 'after a reboot',
    'regenerate cloud-init': 'when cloud-init runs again',
    rebuild: 'after a rebuild',
  };
  return texts[effect] ?? effect;
}

const Value = ({ value, gone = false }: { value: unknown; gone?: boolean }) =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0) ? (
    <span className="text-dim">none</span>
  ) : (
    <span className={`font-mono text-xs break-all whitespace-pre-wrap ${gone ? 'text-dim line-through' : ''}`}>
      {Array.isArray(value) ? value.map(oneLine).join(', ') : oneLine(value)}
    </span>
  );

const NAME: Column<DiffField> = {
  label: 'Field',
  heads: true,
  cell: ({ name }) => <span className="font-mono text-xs break-all">{name}</span>,
};
const BEFORE: Column<DiffField> = {
  label: 'Before',
  cell: ({ before, after }) => <Value value={before} gone={before !== after} />,
};
const AFTER: Column<DiffField> = { label: 'After', cell: ({ after }) => <Value value={after} /> };
const EFFECT: Column<DiffField> = {
  label: 'Takes effect',
  cell: ({ effect }) =>
    effect === undefined ? null : (
      <Chip tone={effect === 'live' ? 'none' : 'warn'} title={effect}>
        {effectText(effect)}
      </Chip>
    ),
};

/** A new object has no before, a removed one no after. */
const columnsFor = (kind: DiffObject['kind']): readonly Column<DiffField>[] =>
  kind === 'create'
    ? [NAME, { ...AFTER, label: 'Value' }]
    : kind === 'delete'
      ? [NAME, BEFORE]
      : [NAME, BEFORE, AFTER, EFFECT];

/** What will be different afterwards, object by object, as the rehearsal showed it. */
export function Diff({ diff }: { diff: readonly DiffObject[] }) {
  if (diff.length === 0) return <p className="text-dim">Nothing that is configured changes.</p>;
  return (
    <div className="flex flex-col gap-3">
      {diff.map(({ object, kind, fields }) => {
        const [word, tone] = KINDS[kind] ?? [kind, 'none'];
        return (
          <div key={`${kind} ${object}`} className="rounded-md border border-line">
            <div className="flex flex-wrap items-center gap-2 px-3 py-1.5">
              <strong className="font-mono break-all">{object}</strong>
              <Chip tone={tone}>{word}</Chip>
            </div>
            {fields.length > 0 && (
              <Table caption={`Fields of ${object}`} columns={columnsFor(kind)} rows={fields} id={({ name }) => name} />
            )}
          </div>
        );
      })}
    </div>
  );
}
