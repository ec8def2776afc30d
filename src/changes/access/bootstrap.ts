import { AgentError } from '../../kernel/errors.ts';
import { allNeeds } from './needs.ts';

/** Columns of a shell command before it is continued on the next line. */
const WIDTH = 110;

/**
 * The commands that make, as root on a node, a user with a role of exactly what the catalogue needs, and a token.
 * `user` is such as `agent@pve`. Errors: `VALIDATION_FAILED`.
 */
export function bootstrapCommands(major: 8 | 9, user = 'agent@pve', token = 'control'): string[] {
  if (!/^[a-z][a-z0-9._-]{0,30}@[a-z][a-z0-9.-]*$/.test(user) || !/^[A-Za-z][\w.-]{0,30}$/.test(token))
    throw new AgentError('VALIDATION_FAILED', 'The user must be such as agent@pve, and the token a plain name.');
  const privileges = [...new Set(allNeeds(major).map(({ privilege }) => privilege))].toSorted();
  return [
    `pveum user add ${user}`,
    ...wrapped('pveum role add ProxmoxAgent --privs "', privileges),
    `pveum acl modify / --users ${user} --roles ProxmoxAgent`,
    `pveum user token add ${user} ${token} --privsep 0`,
  ];
}

/** One command over several lines, as a shell reads it. */
function wrapped(head: string, words: readonly string[]): string[] {
  const lines = [head];
  for (const word of words) {
    const line = lines.at(-1) ?? '';
    const joined = line.endsWith('"') || line.endsWith('  ') ? `${line}${word}` : `${line} ${word}`;
    if (joined.length <= WIDTH) lines[lines.length - 1] = joined;
    else lines.push(`  ${word}`);
  }
  return lines.map((line, index) => (index === lines.length - 1 ? `${line}"` : `${line} \\`));
}
