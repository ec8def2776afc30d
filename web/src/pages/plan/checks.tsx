import type { Check, Plan } from '../../api/types.ts';
import { StateChip } from '../../parts/chip.tsx';

const ORDER = { fail: 0, warn: 1, pass: 2 } as const;

/** Checks with the failed ones first. */
export const Checks = ({ checks }: { checks: readonly Check[] }) => (
  <ul className="flex flex-col gap-1">
    {checks
      .toSorted((a, b) => ORDER[a.result] - ORDER[b.result])
      .map(({ check, result, detail }, at) => (
        <li key={`${check} ${at}`} className="grid grid-cols-[3.2rem_minmax(0,1fr)] items-baseline gap-2">
          <span>
            <StateChip state={result} />
          </span>
          <span className="min-w-0 break-words">
            {check}
            {detail !== undefined && detail !== '' && <span className="text-dim">: {detail}</span>}
          </span>
        </li>
      ))}
  </ul>
);

/** Rights that the API token of the environment lacks; without them Proxmox VE will refuse. */
export function Permissions({ permissions }: { permissions: NonNullable<Plan['permissions']> }) {
  const missing = permissions.filter(({ held }) => !held);
  if (missing.length === 0) return null;
  return (
    <div className="rounded-md border border-bad px-3 py-2">
      <h3 className="font-semibold text-bad">Permissions that the token lacks in Proxmox VE</h3>
      <ul>
        {missing.map(({ path, privilege }) => (
          <li key={`${path} ${privilege}`} className="font-mono text-xs break-all">
            {privilege} on {path}
          </li>
        ))}
      </ul>
    </div>
  );
}
