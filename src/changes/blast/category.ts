import type { BlastRadius, ChangeCategory, Decision, Risk } from '../plan.ts';

/** Up to here a change that can be taken back is routine. */
const ROUTINE = 10;

/** The category of a change as far as its risk and reach tell. Emergency is a person's word and never proposed. */
export function proposeCategory(
  risk: Risk,
  { score }: BlastRadius,
  decision: Decision,
  irreversible: number,
): ChangeCategory {
  const preapproved = decision.rules.find(({ id, effect }) => effect === 'allow' && !id.startsWith('baseline.'));
  if (decision.outcome === 'allow' && preapproved !== undefined)
    return { proposed: 'standard', why: `the rule ${preapproved.id} approves it in advance: ${preapproved.why}` };
  const against = [
    ...(risk.level === 'high' ? [`the risk is high: ${risk.raises[0]?.reason ?? risk.why}`] : []),
    ...(score > ROUTINE ? [`the blast radius is ${score}, more than ${ROUTINE}`] : []),
    ...(irreversible > 0 ? [`${irreversible === 1 ? 'a step' : `${irreversible} steps`} cannot be undone`] : []),
  ];
  if (against.length > 0) return { proposed: 'normal', why: against.join('; ') };
  return {
    proposed: 'standard',
    why: `the risk is ${risk.level}, the blast radius is ${score} and every step can be undone`,
  };
}
