import type { DraftKey } from './draft.ts';

/** What each field of a change is called. */
export const LABELS: Readonly<Record<DraftKey, string>> = {
  title: 'Title',
  category: 'Category',
  date: 'Date',
  phase: 'Phase',
  requested_by: 'Requested by',
  role: 'Role',
  summary: 'Summary',
  scope_in: 'In scope',
  scope_out: 'Out of scope',
  out_note: 'Said beside “Out of scope”',
  risk_level: 'Risk level',
  identified: 'Risks',
  mitigations: 'Mitigations',
  impact: 'Impact',
  downtime: 'Downtime expected',
  rollback: 'Rollback plan',
  validation: 'Validation criteria',
  notes: 'Notes',
  more: 'Further sections',
  environments: 'Environments',
  runbooks: 'Runbooks',
};
