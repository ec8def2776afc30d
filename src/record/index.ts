export { createAudit, type Audit, type AuditEntry, type AuditOptions } from './audit.ts';
export { exportAudit } from './export.ts';
export { verifyExport, type AuditVerdict } from './verify.ts';
export { createEvents, type Events, type EventsOptions, type NewEvent, type StreamFilter } from './events.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export {
  copyInstallation,
  restoreInstallation,
  verifyStore,
  type CopyReport,
  type KeepDeps,
  type RestoreReport,
} from './keep.ts';
