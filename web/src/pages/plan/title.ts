import type { Plan } from '../../api/types.ts';

type Named = Pick<Plan, 'requests' | 'targets'>;

const nameIn = (targets: Plan['targets'] | undefined, wanted: string): string | undefined => {
  const name = targets?.find(({ target }) => target === wanted)?.pinned?.['name'];
  return typeof name === 'string' && name !== '' ? name : undefined;
};

/** `vm.clone on vm/9000 (debian-12)`, and how many more: a number alone says little to who approves. */
export function planTitle(plan: Named): string {
  const [first] = plan.requests;
  if (first === undefined) return 'Plan without requests';
  const more = plan.requests.length - 1;
  const name = nameIn(plan.targets, first.target);
  return `${first.action} on ${first.target}${name === undefined ? '' : ` (${name})`}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Every target with its name and node as they were when the plan was made: `vm/9000 (debian-12 on pve4)`. */
export function targetsText({ requests, targets }: Named): string {
  return (targets ?? requests)
    .map((one) => {
      const node = 'pinned' in one ? one.pinned?.['node'] : undefined;
      const known = [nameIn(targets, one.target), typeof node === 'string' ? `on ${node}` : undefined];
      const said = known.filter((part) => part !== undefined).join(' ');
      return said === '' ? one.target : `${one.target} (${said})`;
    })
    .join(', ');
}
