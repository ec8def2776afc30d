export { judgeCriterion, runChecks } from './criteria.ts';
export { beginChange, changeFactsOf, requireChange } from './gate.ts';
export { changeMetrics, remindOfReviews, type ChangeMetrics } from './metrics.ts';
export { CATEGORIES, CHANGE_STATUSES, contentSchema } from './model.ts';
export { createChange, exportChange, importChange, listChanges, updateChange, viewChange } from './records.ts';
export { approveChange, reviewChange, setStatus } from './status.ts';
