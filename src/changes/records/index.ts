export { findChangeAs } from './access.ts';
export { judgeCriterion, runChecks } from './criteria.ts';
export { changesBetween, type DatedChange } from './dated.ts';
export { addEvidence } from './evidence.ts';
export { beginChange, changeFactsOf, requireChange, requirePlannable } from './gate.ts';
export { changeMetrics, remindOfReviews, type ChangeMetrics } from './metrics.ts';
export {
  CATEGORIES,
  CHANGE_ID,
  CHANGE_STATUSES,
  contentPatchShape,
  contentSchema,
  type ContentInput,
} from './model.ts';
export { digestOf as changeDigest } from './record.ts';
export { readChange } from './markdown/read.ts';
export { createChange, exportChange, importChange, listChanges, updateChange, viewChange } from './records.ts';
export { approveChange, boundOf } from './approve.ts';
export { reviewChange, setStatus } from './status.ts';
