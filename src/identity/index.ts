export { approvalFactors, factorSchema, type Factor, type FactorVerifier } from './factors.ts';
export {
  beginPasskey,
  enrolTotp,
  finishPasskey,
  finishTotp,
  ownPasskeys,
  proofSchema,
  removePasskey,
  removeTotp,
  renewRecoveryCodes,
  self,
  setPassword,
} from './account.ts';
export { authenticate, authenticateSession, stillKnown } from './authenticate.ts';
export type { IdentityDeps, Place } from './deps.ts';
export { ROLES, grantsFor, type Grants, type Role } from './grants.ts';
export { acceptInvitation, becomeOwner, ownerCode, readInvitation } from './links.ts';
export { createOidc } from './oidc.ts';
export { assertionOptions, assertionSchema, registrationSchema } from './passkeys.ts';
export {
  changePerson,
  endSessionsOfPerson,
  invite,
  people,
  personChangeSchema,
  personRequestSchema,
  personView,
  resetPerson,
  sessionsOfPerson,
  viewInvited,
} from './people.ts';
export { plainText } from './plain_text.ts';
export {
  CLASSES,
  actorOf,
  inEnvironment,
  mayUse,
  requireActions,
  requireEverywhere,
  requirePerson,
  requireRole,
  roleIn,
  type Principal,
  type PrincipalClass,
} from './principal.ts';
export { csrfFits, csrfOf, endOwnSession, ownSessions, type OpenedSession } from './sessions.ts';
export {
  endSignIn,
  passkeySignInOptions,
  signIn,
  signInForToken,
  signInSchema,
  signInWithPasskey,
  stepUp,
} from './sign_in.ts';
export { roleNow } from './standing.ts';
export {
  createOwnToken,
  createToken,
  ownTokens,
  revoke,
  revokeOwn,
  tokenRequestSchema,
  tokens,
  type MadeToken,
  viewToken,
} from './tokens.ts';
