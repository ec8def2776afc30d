export { ownApprovalRule, proveApproval, shortHash, type Proof, type Proven } from './own.ts';
export { obligationOf, samePerson } from './person.ts';
export { quorumOf } from './quorum.ts';
export {
  alwaysOpen,
  type ChangeScope,
  type Factors,
  type PlannedTime,
  type Windows,
  type WindowState,
} from './seams.ts';
export { requireCooledDown, requireWindow, windowScope } from './timing.ts';
