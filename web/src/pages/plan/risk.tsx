import type { Plan } from '../../api/types.ts';
import { RiskChip, StateChip } from '../../parts/chip.tsx';
import { oneLine, words } from '../../parts/format.ts';

/** Why the risk is what it is, and which rules of the policy led to the decision. */
export function Reasons({ plan: { risk, decision, permissions = [] } }: { plan: Plan }) {
  const obligations = decision?.obligations ?? [];
  return (
    <div className="flex flex-col gap-1.5">
      {risk !== undefined && (
        <p>
          <RiskChip level={risk.base ?? risk.level} />{' '}
          <span className="text-dim">by the action itself{risk.why === undefined ? '' : `: ${risk.why}`}</span>
        </p>
      )}
      {risk?.raises?.map(({ to, reason }) => (
        <p key={reason}>
          <RiskChip level={to} /> <span>because {reason}</span>
        </p>
      ))}
      {decision !== undefined && (
        <p>
          <StateChip state={decision.outcome} />{' '}
          <span className="text-dim">
            {decision.approvals_required === undefined || decision.approvals_required === 0
              ? 'no approval needed'
              : `${decision.approvals_required} approval${decision.approvals_required === 1 ? '' : 's'} needed`}
          </span>
        </p>
      )}
      {obligations.length > 0 && (
        <div>
          <p>Also needed:</p>
          <ul className="list-disc pl-5">
            {obligations.map((one) => (
              <li key={oneLine(one)}>
                {typeof one === 'string' ? words(one) : one.text}
                {typeof one !== 'string' && one.rules !== undefined && (
                  <span className="text-dim"> (rule {one.rules.join(', ')})</span>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
      {(decision?.rules ?? []).length > 0 && (
        <ul className="text-dim">
          {decision?.rules?.map(({ id, effect, why }) => (
            <li key={id}>
              <code className="font-mono text-xs">{id}</code> {words(effect)}: {why}
            </li>
          ))}
        </ul>
      )}
      {permissions.length > 0 && permissions.every(({ held }) => held) && (
        <p className="text-dim">The token has all permissions it needs in Proxmox VE.</p>
      )}
    </div>
  );
}
