import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const PREFIX = 'proxmox_agent_';

export interface Metrics {
  /** For a room that adds a metric of its own; names begin with `proxmox_agent_`. */
  readonly registry: Registry;
  /** Plans by the state they entered. */
  readonly plans: Counter<'environment' | 'action' | 'state'>;
  /** Operations by the state they entered. */
  readonly operations: Counter<'environment' | 'state'>;
  /** Calls that change something, by how they ended: `done`, `failed`, `in_doubt`. */
  readonly effects: Counter<'environment' | 'method' | 'result'>;
  readonly effectSeconds: Histogram<'environment' | 'task'>;
  readonly approvals: Counter<'environment' | 'result'>;
  readonly audit: Counter<'event'>;
  readonly contentType: string;
  /** Prometheus text format. */
  text(): Promise<string>;
}

/** Metrics in a registry of their own, so that two servers in one process (tests) do not share any. */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.process === true) collectDefaultMetrics({ register: registry, prefix: PREFIX });
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> =>
    new Counter({ name: `${PREFIX}${name}`, help, labelNames, registers });
  return {
    registry,
    plans: counter('plans_total', 'Plans by the state they entered.', ['environment', 'action', 'state']),
    operations: counter('operations_total', 'Operations by the state they entered.', ['environment', 'state']),
    effects: counter('effects_total', 'Changing calls by how they ended.', ['environment', 'method', 'result']),
    effectSeconds: new Histogram({
      name: `${PREFIX}effect_seconds`,
      help: 'Time from intent to end of a changing call.',
      labelNames: ['environment', 'task'],
      buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200],
      registers,
    }),
    approvals: counter('approvals_total', 'Approvals and rejections.', ['environment', 'result']),
    audit: counter('audit_records_total', 'Audit records by event.', ['event']),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
