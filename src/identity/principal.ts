import { AgentError } from '../kernel/errors.ts';
import type { Actor } from '../store/index.ts';
import { grantsFor, rank, roleOf, type Grants, type Role } from './grants.ts';

export const CLASSES = ['human', 'service', 'agent'] as const;
export type PrincipalClass = (typeof CLASSES)[number];

/** Who asks. Made by authentication alone; nothing of it is ever taken from a request's body. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly class: PrincipalClass;
  /** The highest that it has anywhere; what counts in one environment says `roleIn`. */
  readonly role: Role;
  /** Null: all. */
  readonly environments: readonly string[] | null;
  /** Role by environment, where they differ; `role` in all of `environments` when absent. */
  readonly grants?: Grants;
  /** Patterns of the actions that it may plan; all when absent. */
  readonly actions?: readonly string[];
  readonly via: 'http' | 'cli' | 'mcp' | 'web';
  /** How this caller proved who it is: `token`, `bootstrap-token`, `password+totp`, `passkey`, `oidc`, … */
  readonly method: string;
  /** The person behind it; absent for tokens that stand for themselves. */
  readonly person?: string;
  /** Id of the session that it came by; absent for tokens. */
  readonly session?: string;
  /** When that session began, in milliseconds since the epoch. */
  readonly since?: number;
  /** Id of the token that it came by, where that is a person's. */
  readonly token?: string;
  /** When a second factor was shown in this session, in milliseconds since the epoch; absent when none was. */
  readonly factorAt?: number;
  /** Whether the person has a second factor to show. */
  readonly enrolled?: boolean;
}

export const actorOf = ({ id, name, class: kind, via }: Principal): Actor => ({ id, name, class: kind, via });

export const grantsOf = ({ grants, role, environments }: Principal): Grants => grants ?? grantsFor(role, environments);

/** What a caller may be in one environment; undefined: nothing. */
export const roleIn = (principal: Principal, environment: string): Role | undefined =>
  roleOf(grantsOf(principal), environment);

/** The caller as it counts in one environment, for whoever judges what it asks there. */
export const inEnvironment = (principal: Principal, environment: string): Principal => ({
  ...principal,
  role: roleIn(principal, environment) ?? 'viewer',
});

/**
 * Without an environment: whether the caller has the role anywhere. Errors: `FORBIDDEN` when the role is lower or the
 * environment is not among the caller's.
 */
export function requireRole(principal: Principal, role: Role, environment?: string): void {
  const { name } = principal;
  const held = environment === undefined ? principal.role : roleIn(principal, environment);
  if (held === undefined && environment !== undefined && rank(principal.role) >= rank(role))
    throw new AgentError('FORBIDDEN', `${name} has no rights in the environment "${environment}".`);
  if (held !== undefined && rank(held) >= rank(role)) return;
  const where = environment === undefined || held === undefined || held === principal.role ? '' : ` in ${environment}`;
  throw new AgentError('FORBIDDEN', `This needs the role ${role}; ${name} has ${held ?? principal.role}${where}.`);
}

export const mayUse = (principal: Principal, environment: string): boolean =>
  roleIn(principal, environment) !== undefined;

/** For what is about all environments at once. Errors: `FORBIDDEN` for a caller who has the role in some only. */
export function requireEverywhere(principal: Principal, role: Role = 'viewer'): void {
  const { name, environments } = principal;
  if (environments !== null)
    throw new AgentError(
      'FORBIDDEN',
      `This is about all environments; ${name} has rights in ${environments.join(', ')}.`,
    );
  for (const environment of Object.keys(grantsOf(principal))) requireRole(principal, role, environment);
}

/** Whether a pattern covers a name; `*` stands for any text. In one pass, for a pattern is what somebody has sent. */
function matches(pattern: string, name: string): boolean {
  const [head = '', ...inner] = pattern.split('*');
  const tail = inner.pop();
  if (tail === undefined) return pattern === name;
  const end = name.length - tail.length;
  let at = head.length;
  if (end < at || !name.startsWith(head) || !name.endsWith(tail)) return false;
  for (const part of inner) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** Whether patterns of actions (`vm.*`, `snapshot.create`) let one of this name, or pattern of names, through. */
export const actionAllowed = (patterns: readonly string[] | undefined, name: string): boolean =>
  patterns === undefined || patterns.some((pattern) => matches(pattern, name));

/** Errors: `FORBIDDEN` naming the first action that the caller may not plan. */
export function requireActions({ name, actions }: Principal, wanted: readonly string[]): void {
  const refused = wanted.find((action) => !actionAllowed(actions, action));
  if (refused === undefined) return;
  throw new AgentError('FORBIDDEN', `${name} may plan ${actions?.join(', ')} only, and ${refused} is not among them.`);
}

/** Errors: `FORBIDDEN` in the words of what was tried. */
export function requirePerson(principal: Principal, what: string): void {
  if (principal.class !== 'human') throw new AgentError('FORBIDDEN', `Only a person can ${what}.`);
}
