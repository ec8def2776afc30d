export { submit, type ChangesDeps } from './changes.ts';
export { apply, executable } from './apply.ts';
export { approve, cancelPlan, expireIfOverdue, expireOverdue, findPlanFor, reject, viewPlan } from './decide.ts';
export { bodyOf, planView, type PlanBody } from './plan.ts';
export { freeze, freezeOf, freezeRequestSchema, thaw, type Freeze } from './freeze.ts';
export { baseline, type Policy } from './policy.ts';
export { planRequestSchema, plansRequestSchema, readRequest } from './requests.ts';
export { checkTargets } from './targets.ts';
export { plannerDeps } from './changes.ts';
