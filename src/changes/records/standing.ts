import type { ChangesDeps } from '../changes.ts';
import { approverNow } from '../duties/index.ts';
import type { BoardApproval, ChangeRecord } from './record.ts';

type Where = Pick<ChangesDeps, 'estate'>;

/** The environments that a change touches; one that names none touches all. */
export const environmentsOf = (
  { estate }: Where,
  { content: { environments } }: ChangeRecord,
): ReturnType<Where['estate']['list']> =>
  estate.list().filter(({ name }) => environments.length === 0 || environments.includes(name));

/**
 * The change with those approvals alone that count in these environments, by default in all that it touches: a yes of
 * somebody who was disabled since, or may not approve there any more, is no yes (as of a plan, `duties/standing.ts`).
 */
export async function withStanding(
  deps: Where & Pick<ChangesDeps, 'roleNow'>,
  record: ChangeRecord,
  environments: readonly string[] = environmentsOf(deps, record).map(({ name }) => name),
): Promise<ChangeRecord> {
  const { roleNow } = deps;
  if (roleNow === undefined) return record;
  const counts = async ({ by, method }: BoardApproval): Promise<boolean> => {
    for (const environment of environments)
      if ((await approverNow(roleNow, { id: by.id, method }, environment)) === undefined) return false;
    return true;
  };
  const counted = await Promise.all(record.approvals.map(counts));
  return { ...record, approvals: record.approvals.filter((_, index) => counted[index]) };
}
