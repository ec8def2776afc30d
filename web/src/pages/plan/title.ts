import type { Plan } from '../../api/types.ts';

/** `vm.clone on vm/9000`, and how many more. */
export function planTitle({ requests }: Pick<Plan, 'requests'>): string {
  const [first] = requests;
  if (first === undefined) return 'Plan without requests';
  const more = requests.length - 1;
  return `${first.action} on ${first.target}${more > 0 ? ` and ${more} more` : ''}`;
}
