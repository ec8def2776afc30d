import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { checkOptions, checkRemoval, type TypeOptions } from '../core/section.ts';
import { sectionRoutes, type SectionKind } from '../core/sections.ts';
import { textOf } from '../core/text.ts';
import { splitList } from '../schema/formats.ts';
import { clusterRows } from './resources.ts';

const of = (...optional: readonly string[]): TypeOptions => ({
  required: ['server', 'port'],
  fixed: [],
  optional: ['disable', 'mtu', 'timeout', ...optional],
});

const OPTIONS: Readonly<Record<string, TypeOptions>> = {
  graphite: of('proto', 'path'),
  influxdb: of(
    'api-path-prefix',
    'bucket',
    'influxdbproto',
    'max-body-size',
    'organization',
    'token',
    'verify-certificate',
  ),
  opentelemetry: of(
    'otel-compression',
    'otel-headers',
    'otel-max-body-size',
    'otel-path',
    'otel-protocol',
    'otel-resource-attributes',
    'otel-timeout',
    'otel-verify-ssl',
  ),
};

const server: SectionKind = {
  file: 'metrics',
  madeAt: 'item',
  taken: (id) => fail(`Metric server '${id}' already exists`),
  missing: (id) => fail(`no metric server '${id}'`),
  secret: ['token'],
  check: ({ params }, { type, ...values }, old) => {
    const options = OPTIONS[textOf(old?.type ?? type)];
    checkOptions(options, values, old === undefined);
    checkRemoval(options, splitList(params.maybe('delete') ?? ''), values);
  },
  listed: (_call, _id, { disable = 0 }) => ({ disable }),
};

interface Metric {
  readonly id: string;
  readonly metric: string;
  readonly value: number;
  readonly type: 'gauge' | 'derive';
  readonly timestamp: number;
}

/** By the names of the resource list's fields: what they are called here, and whether they only ever grow. */
const NAMES: readonly (readonly [field: string, metric: string, type: Metric['type']])[] = [
  ['uptime', 'uptime', 'gauge'],
  ['cpu', 'cpu_current', 'gauge'],
  ['maxcpu', 'cpu_max', 'gauge'],
  ['mem', 'mem_used', 'gauge'],
  ['maxmem', 'mem_total', 'gauge'],
  ['disk', 'disk_used', 'gauge'],
  ['maxdisk', 'disk_total', 'gauge'],
  ['netin', 'net_in', 'derive'],
  ['netout', 'net_out', 'derive'],
  ['diskread', 'disk_read', 'derive'],
  ['diskwrite', 'disk_write', 'derive'],
];

/** The resource list as measurements of this moment; none are kept, so there is no history of them. */
function exported(call: Call): { data: Metric[] } {
  const { world, params, node } = call;
  const named = splitList(params.maybe('node-list') ?? '');
  const unknown = named.filter((name) => world.state.nodes[name] === undefined);
  if (unknown.length > 0) throw fail(`no such nodes: ${unknown.join(', ')}`);
  const nodes = named.length > 0 ? named : params.flag('local-only') ? [node] : Object.keys(world.state.nodes);
  const timestamp = world.seconds();
  if (timestamp <= (params.maybeNumber('start-time') ?? 0)) return { data: [] };
  const rows = clusterRows(call, {}).filter((row) => nodes.includes(textOf(row.node)) && row.type !== 'network');
  return {
    data: rows.flatMap((row) =>
      NAMES.filter(([field]) => typeof row[field] === 'number').map(([field, metric, type]) => ({
        id: textOf(row.id),
        metric,
        type,
        value: Number(row[field]),
        timestamp,
      })),
    ),
  };
}

/** Servers that the cluster sends its measurements to, from where nothing is sent, and those measurements. */
export const metricsRoutes: Routes = { ...sectionRoutes(server), 'GET /cluster/metrics/export': exported };
