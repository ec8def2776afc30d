import type { FastifyRequest } from 'fastify';
import { requireEverywhere, requireRole, type Principal, type Role } from '../../identity/index.ts';
import { AgentError } from '../../kernel/errors.ts';

/**
 * Whose route it is: anybody's with a token; a person's or a service's; a person's; or a person's about itself, which
 * needs an account here.
 */
export type Who = 'anyone' | 'no agent' | 'people' | 'self';

/**
 * Where the environment comes from in which the role has to be held. `none`: it is about none, or shows only what the
 * caller may see; `everywhere`: about all at once; `plan`, `operation` and `run`: of what the path names, which is not
 * found for whom it is not; `change`: of all that the change touches, which is not found for who may see none of it;
 * `body`: named there, and looked at by the room that reads it; `own`: what the caller gives or takes is compared with
 * what it administers.
 */
export type Where = 'none' | 'everywhere' | 'path' | 'query' | 'body' | 'plan' | 'operation' | 'run' | 'change' | 'own';

/** Who may call a route. `docs/access.md` is written from these, and a test calls every route as everybody. */
export interface Rule {
  /** The least role. */
  readonly role: Role;
  readonly who: Who;
  readonly environment: Where;
  /** It is about approving, which agents and services are told they can never do. */
  readonly approval?: boolean;
}

/** A route as documented, `METHOD /path/{name}`, and its rule. */
export interface AccessRow {
  readonly route: string;
  readonly rule: Rule | 'public';
}

export const allow = (role: Role, environment: Where, who: Who = 'anyone'): Rule => ({ role, who, environment });
/** For the word of a person that lets a change through. */
export const approving = (environment: Where, role: Role = 'approver'): Rule => ({
  ...allow(role, environment, 'people'),
  approval: true,
});

/** Errors: `APPROVAL_FORBIDDEN` and `FORBIDDEN`, before anything else of the request is looked at. */
export function requireRule(rule: Rule, principal: Principal, request: FastifyRequest): void {
  requireWho(rule, principal);
  requireRole(principal, rule.role);
  if (rule.environment === 'everywhere') requireWhole(rule, principal);
  const named = rule.environment === 'path' ? request.params : rule.environment === 'query' ? request.query : {};
  const { environment } = named as { environment?: unknown };
  if (typeof environment === 'string') requireRole(principal, rule.role, environment);
}

/** About everything at once: not for who has rights in some environments, nor, to change it, for some actions. */
function requireWhole({ role }: Rule, principal: Principal): void {
  requireEverywhere(principal, role);
  if (role === 'admin' && principal.actions !== undefined)
    throw new AgentError(
      'FORBIDDEN',
      `${principal.name} is held to ${principal.actions.join(', ')}, and this is about everything.`,
    );
}

function requireWho({ who, approval }: Rule, principal: Principal): void {
  const { name, class: kind, person } = principal;
  if (who === 'anyone' || (who === 'no agent' && kind === 'service')) return;
  if (kind !== 'human')
    throw new AgentError(
      approval === true ? 'APPROVAL_FORBIDDEN' : 'FORBIDDEN',
      `${name} is ${kind === 'agent' ? 'an agent' : 'a service'}; only a person ${who === 'no agent' ? 'or a service ' : ''}can ${approval === true ? 'approve or reject' : 'do this'}.`,
    );
  if (who === 'self' && person === undefined)
    throw new AgentError(
      'FORBIDDEN',
      `${name} is a token that stands for itself; this is about a person's own account, so sign in as a person. An admin makes one by an invitation.`,
    );
}
