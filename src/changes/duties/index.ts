export { approvalNeeds, ownApprovalRule, proveApproval } from './own.ts';
export { isFresh, prove, SHORT_HASH, shortHash, type Approved, type Proof, type Proven } from './prove.ts';
export { isBootstrap, obligationOf, samePerson } from './person.ts';
export { quorumOf } from './quorum.ts';
export {
  alwaysOpen,
  type ChangeScope,
  type Factors,
  type PlannedTime,
  type Windows,
  type WindowState,
} from './seams.ts';
export { approverNow, standing, type RoleNow } from './standing.ts';
export { requireCooledDown, requireWindow, windowScope } from './timing.ts';
