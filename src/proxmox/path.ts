import { AgentError } from '../kernel/errors.ts';

/**
 * A PVE path from a template: path`/nodes/${node}/qemu/${vmid}/config`. Every value becomes exactly one segment, so a
 * name from outside can never reach another endpoint: it is percent-encoded, and what no encoding makes safe (nothing,
 * `.` and `..`, which proxies resolve) is refused with `VALIDATION_FAILED`.
 */
export function path(literals: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return literals.reduce((built, literal, index) => built + encodeSegment(values[index - 1] ?? '') + literal);
}

/** One value as one path segment. Errors: `VALIDATION_FAILED` for an empty value, `.` and `..`. */
export function encodeSegment(value: string | number): string {
  const text = String(value);
  if (text === '' || text === '.' || text === '..') {
    throw new AgentError('VALIDATION_FAILED', `'${text}' cannot be part of a Proxmox VE path.`);
  }
  // A lone half of a surrogate pair has no UTF-8 form; encodeURIComponent would throw an error that is not ours.
  if (!text.isWellFormed()) throw new AgentError('VALIDATION_FAILED', 'A name in a Proxmox VE path is not valid text.');
  return encodeURIComponent(text);
}
