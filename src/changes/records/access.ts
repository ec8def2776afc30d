import { AgentError } from '../../kernel/errors.ts';
import { mayUse, requireEverywhere, requireRole, type Principal, type Role } from '../../identity/index.ts';
import { findChangeRecord, type StoreReader } from '../../store/index.ts';
import type { Content } from './model.ts';
import { recordOf, type ChangeRecord } from './record.ts';

type Touched = Pick<Content, 'environments'>;

/** A right in every environment that a change touches; in all of them where it names none. */
export function requireFor(principal: Principal, role: Role, { environments }: Touched): void {
  requireRole(principal, role);
  if (environments.length === 0) requireEverywhere(principal, role);
  for (const environment of environments) requireRole(principal, role, environment);
}

/** One that names no environment is everybody's to read. */
export const maySee = (principal: Principal, { environments }: Touched): boolean =>
  environments.length === 0 || environments.some((environment) => mayUse(principal, environment));

/** A change for who may see it. Errors: `NOT_FOUND`, in the same words for one that the caller may not see. */
export async function findChangeFor(reader: StoreReader, id: string, principal: Principal): Promise<ChangeRecord> {
  const row = await findChangeRecord(reader, id);
  const found = row === undefined ? undefined : recordOf(row);
  if (found === undefined || !maySee(principal, found.content))
    throw new AgentError('NOT_FOUND', `There is no change record ${id}.`);
  return found;
}

/** As `findChangeFor`, for who has the role wherever it touches. Errors: `FORBIDDEN` as well. */
export async function findChangeAs(
  reader: StoreReader,
  id: string,
  principal: Principal,
  role: Role,
): Promise<ChangeRecord> {
  const found = await findChangeFor(reader, id, principal);
  requireFor(principal, role, found.content);
  return found;
}
