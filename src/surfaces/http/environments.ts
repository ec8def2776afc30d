import { AgentError } from '../../kernel/errors.ts';
import type { HttpDeps } from './context.ts';

/**
 * Rights in an environment that is not configured are a slip of the pen that nobody would notice until they are missed.
 * What was given `before` it went is left alone. Errors: `VALIDATION_FAILED`.
 */
export function requireEnvironments(
  { estate }: Pick<HttpDeps, 'estate'>,
  field: string,
  names: readonly string[],
  before: readonly string[] = [],
): void {
  const known = ['*', ...estate.list().map(({ name }) => name)];
  const unknown = names.find((name) => !known.includes(name) && !before.includes(name));
  if (unknown === undefined) return;
  const configured = known.slice(1).join(', ');
  throw new AgentError('VALIDATION_FAILED', `There is no environment ${unknown}; configured: ${configured}.`, {
    errors: { [field]: `names ${unknown}, which is not configured; there is ${configured}` },
  });
}
