import type { Plan } from '../../api/types.ts';
import { RiskChip, StateChip } from '../../parts/chip.tsx';
import { Facts } from '../../parts/facts.tsx';
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
      {obligations.length > 0 && <p>Also needed: {obligations.map(oneLine).map(words).join(', ')}</p>}
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

const listed = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  if (!Array.isArray(value)) return oneLine(value);
  return value.length === 0 ? 'none' : value.map(oneLine).join(', ');
};

/** What else the change can touch. */
export function Radius({ plan: { blast_radius } }: { plan: Plan }) {
  if (blast_radius === undefined) return <p className="text-dim">Not known.</p>;
  const { guests, services, nodes, score } = blast_radius;
  return (
    <Facts
      facts={[
        ['Guests', listed(guests)],
        ['Services', listed(services)],
        ['Nodes', listed(nodes)],
        ['Score', listed(score)],
      ]}
    />
  );
}
