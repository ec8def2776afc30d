import type { BlastRadius, ChangeCategory, Decision, Risk } from '../plan.ts';

/** Up to here a change that can be taken back is routine. */
const ROUTINE = 10;

/** The rule that allows every action of a plan that does more than read; what the built-in rules allow is not standard. */
function allowedBy({ outcome, rules }: Decision): Decision['rules'][number] | undefined {
  if (outcome !== 'allow' || rules.some(({ id }) => id.startsWith('baseline.') && id !== 'baseline.read'))
    return undefined;
  return rules.find(({ id, effect }) => effect === 'allow' && !id.startsWith('baseline.'));
}

/** The category of a change as far as its risk and reach tell. Emergency is a person's word and never proposed. */
export function proposeCategory(
  risk: Risk,
  { score }: BlastRadius,
  decision: Decision,
  irreversible: number,
): ChangeCategory {
  const preapproved = allowedBy(decision);
  if (preapproved !== undefined)
    return {
      proposed: 'standard',
      why: `the rule ${preapproved.id} approves it in advance: ${preapproved.why}`,
      rule: preapproved.id,
    };
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
