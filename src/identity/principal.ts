import { AgentError } from '../kernel/errors.ts';
import type { Actor } from '../store/index.ts';

export const ROLES = ['viewer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];
export const CLASSES = ['human', 'service', 'agent'] as const;
export type PrincipalClass = (typeof CLASSES)[number];

/** Who asks. Made by authentication alone; nothing of it is ever taken from a request's body. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly class: PrincipalClass;
  readonly role: Role;
  /** Null: all. */
  readonly environments: readonly string[] | null;
  readonly via: 'http' | 'cli' | 'mcp' | 'web';
  /** How this caller proved who it is: `token`, `bootstrap-token`, … */
  readonly method: string;
}

export const actorOf = ({ id, name, class: kind, via }: Principal): Actor => ({ id, name, class: kind, via });

/** Errors: `FORBIDDEN` when the role is lower or the environment is not among the caller's. */
export function requireRole(principal: Principal, role: Role, environment?: string): void {
  if (ROLES.indexOf(principal.role) < ROLES.indexOf(role)) {
    throw new AgentError('FORBIDDEN', `This needs the role ${role}; ${principal.name} has ${principal.role}.`);
  }
  if (environment !== undefined && !mayUse(principal, environment)) {
    throw new AgentError('FORBIDDEN', `${principal.name} has no rights in the environment "${environment}".`);
  }
}

export const mayUse = (principal: Principal, environment: string): boolean =>
  principal.environments === null || principal.environments.includes(environment);

/** For what is about all environments at once. Errors: `FORBIDDEN` for a caller who has rights in some only. */
export function requireEverywhere({ name, environments }: Principal): void {
  if (environments === null) return;
  throw new AgentError(
    'FORBIDDEN',
    `This is about all environments; ${name} has rights in ${environments.join(', ')}.`,
  );
}
