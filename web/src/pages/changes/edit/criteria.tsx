import { useEnvironments } from '../../../api/queries.ts';
import { NO_CRITERION, type DraftCriterion } from './draft.ts';
import { RowInput, Rows, RowSelect } from './rows.tsx';

const KINDS = [
  ['', 'a person says so'],
  ['plan', 'every plan of this change was applied'],
  ['guest', 'a guest is running or stopped'],
  ['tcp', 'a port answers'],
] as const;

interface CriteriaFieldProps {
  readonly value: readonly DraftCriterion[];
  readonly error: string | undefined;
  readonly onChange: (value: readonly DraftCriterion[]) => void;
}

/** What has to be true at the end, each with how that is found out. */
export function CriteriaField({ value, error, onChange }: CriteriaFieldProps) {
  return (
    <Rows
      legend="Validation criteria"
      hint="What has to be true for it to be completed. One whose words are changed is open again."
      error={error}
      one="criterion"
      rows={value}
      fresh={NO_CRITERION}
      onChange={onChange}
    >
      {(row, change, name) => (
        <>
          <div className="flex flex-wrap gap-2">
            <RowInput
              label={`What has to be true, ${name}`}
              value={row.text}
              onChange={(text) => change({ ...row, text })}
            />
            <RowSelect
              label={`It passes when, ${name}`}
              value={row.kind}
              options={KINDS}
              onChange={(kind) => change({ ...row, kind })}
            />
          </div>
          {row.kind === 'guest' && <GuestCheck row={row} onChange={change} />}
          {row.kind === 'tcp' && (
            <div className="flex flex-wrap gap-2">
              <RowInput label="Host" value={row.host} onChange={(host) => change({ ...row, host })} />
              <RowInput
                label="Port"
                inputMode="numeric"
                value={row.port}
                onChange={(port) => change({ ...row, port })}
              />
            </div>
          )}
        </>
      )}
    </Rows>
  );
}

function GuestCheck({ row, onChange }: { row: DraftCriterion; onChange: (row: DraftCriterion) => void }) {
  const environments = useEnvironments().data?.environments ?? [];
  return (
    <div className="flex flex-wrap gap-2">
      <RowSelect
        label="Environment"
        value={row.environment}
        options={[['', 'choose'], ...environments.map(({ name }) => [name, name] as const)]}
        onChange={(environment) => onChange({ ...row, environment })}
      />
      <RowInput label="Guest, such as vm/103" value={row.target} onChange={(target) => onChange({ ...row, target })} />
      <RowSelect
        label="Status"
        value={row.status}
        options={[
          ['running', 'running'],
          ['stopped', 'stopped'],
        ]}
        onChange={(status) => onChange({ ...row, status })}
      />
    </div>
  );
}
