import { z } from 'zod';
import { ROLES } from '../../identity/index.ts';

/** What a step does, as its fenced `step` block says; every kind has its own fields. */
const words = (most: number) => z.string().trim().min(3).max(most);
const environment = z.string().min(1).max(32);
const timeout = z.int().min(1).max(30).default(5);
const probe = { kind: z.literal('probe') };

const probeSchema = z.discriminatedUnion('probe', [
  z.strictObject({
    ...probe,
    probe: z.literal('tcp'),
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65535),
    timeout,
  }),
  z.strictObject({
    ...probe,
    probe: z.literal('http'),
    url: z.url({ protocol: /^https?$/, error: 'must be http://… or https://…' }).max(500),
    status: z.int().min(100).max(599).default(200),
    /** False accepts any certificate: for a host that has only its own yet. */
    verify: z.boolean().default(true),
    timeout,
  }),
  z.strictObject({
    ...probe,
    probe: z.literal('guest'),
    environment,
    target: z.string().regex(/^(vm|ct)\/[1-9]\d{2,8}$/, 'must be such as vm/101'),
    status: z.enum(['running', 'stopped']),
  }),
]);

export const stepSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('manual'),
    check: words(500),
    evidence: z.enum(['required', 'optional']).default('optional'),
  }),
  z.strictObject({
    kind: z.literal('action'),
    environment,
    action: z.string().min(1).max(64),
    target: z.string().min(1).max(128),
    params: z.record(z.string(), z.unknown()).default({}),
  }),
  z.strictObject({
    kind: z.literal('host'),
    environment,
    node: z.string().min(1).max(63),
    command: z.string().min(1).max(64),
    args: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  }),
  probeSchema,
  z.strictObject({ kind: z.literal('approval'), question: words(500), role: z.enum(ROLES).default('approver') }),
]);
export type StepSpec = z.output<typeof stepSchema>;
export type ProbeSpec = Extract<StepSpec, { kind: 'probe' }>;
export type ChangeSpec = Extract<StepSpec, { kind: 'action' | 'host' }>;

/** The request of a step that changes something, as `changes.submit()` takes it. */
export function requestOf(spec: ChangeSpec): {
  readonly environment: string;
  readonly action: string;
  readonly target: string;
  readonly params: Readonly<Record<string, unknown>>;
} {
  if (spec.kind === 'host') {
    const { environment: name, node, command, args } = spec;
    return { environment: name, action: 'host.run', target: `node/${node}`, params: { command, args } };
  }
  const { kind: _, ...request } = spec;
  return request;
}

/** The environment that a step is about; undefined for one that is about none. */
export const environmentOf = (spec: StepSpec): string | undefined =>
  'environment' in spec ? spec.environment : undefined;
