export { submit, submitted, type ChangesDeps } from './changes.ts';
export { apply, executable } from './apply.ts';
export {
  approve,
  cancelPlan,
  expireIfOverdue,
  expireOverdue,
  findPlanFor,
  reject,
  shownPlan,
  viewPlan,
} from './decide.ts';
export { replan } from './replan.ts';
export { applyDue, schedulePlan, SCHEDULED_JOB, unschedule, type When } from './schedule.ts';
export { calendarOf, calendarQuerySchema } from './timetable.ts';
export { bodyOf, type PlanBody } from './plan.ts';
export { endFreezes, freeze, freezeOf, freezeRequestSchema, thaw, thawRequestSchema, type Freeze } from './freeze.ts';
export { alwaysOpen, type Factors, type Windows, type WindowState } from './duties/index.ts';
export { ChangeWindows } from './windows/index.ts';
export { baseline, BASELINE_RULES } from './policy/baseline.ts';
export { PolicyBook, recordPolicy, reloadPolicy } from './policy/book.ts';
export { examplesSchema, readExamples, runExamples, type ExampleResult } from './policy/examples.ts';
export { explainPlan, mayKnow, type Explanation } from './policy/explain.ts';
export { policyFiles, readRules } from './policy/read.ts';
export type { ChangeFacts, Policy } from './policy/types.ts';
export { servicesOf } from './judge.ts';
export * from './records/index.ts';
export { planRequestSchema, plansRequestSchema, readRequest } from './requests.ts';
export { checkTargets } from './targets.ts';
export { plannerDeps } from './changes.ts';
export * from './runbooks/index.ts';
export { rotateSchema, secretName, SecretStore, secretValueSchema } from './secrets/stored.ts';
export { bootstrapCommands } from './access/bootstrap.ts';
export { tokenHealth, type TokenHealth } from './access/health.ts';
export { allNeeds } from './access/needs.ts';
