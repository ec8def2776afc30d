import type { Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { checkOptions, checkRemoval, type TypeOptions } from '../core/section.ts';
import { sectionRoutes, type SectionKind } from '../core/sections.ts';
import { textOf } from '../core/text.ts';
import { splitList } from '../schema/formats.ts';

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
  missing: (id) => fail(`status server entry '${id}' does not exist`),
  secret: ['token'],
  check: ({ params }, { type, ...values }, old) => {
    const options = OPTIONS[textOf(old?.type ?? type)];
    checkOptions(options, values, old === undefined);
    checkRemoval(options, splitList(params.maybe('delete') ?? ''), values);
  },
  listed: (_call, _id, { disable = 0 }) => ({ disable }),
};

/** Servers that the cluster sends its measurements to; nothing is sent from here. */
export const metricsRoutes: Routes = sectionRoutes(server);
