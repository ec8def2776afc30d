import { z } from 'zod';

export const CATEGORIES = ['standard', 'normal', 'emergency'] as const;
export type Category = (typeof CATEGORIES)[number];

export const CHANGE_STATUSES = [
  'planned',
  'approved',
  'in_progress',
  'completed',
  'paused',
  'rolled_back',
  'rejected',
] as const;
export type ChangeStatus = (typeof CHANGE_STATUSES)[number];

/** A line of a list, with the lines below it. */
export interface Line {
  readonly text: string;
  readonly lines?: readonly Line[] | undefined;
}
const words = (most: number) =>
  z.string('is needed').trim().min(1, 'is needed').max(most, `must have ${most} letters at most`);
const line: z.ZodType<Line> = z
  .lazy(() => z.strictObject({ text: words(2000), lines: z.array(line).max(100).optional() }))
  // What refers to itself needs a name in the OpenAPI document.
  .meta({ id: 'ChangeLine' });
const lines = z.array(line).max(200).default([]);

/** How the control plane itself finds out whether a criterion holds. */
export const checkSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('plan').describe('Every linked plan was applied and verified.') }),
    z.strictObject({
      kind: z.literal('guest').describe('A guest has a status.'),
      environment: z.string().min(1, 'is needed').describe('Where the guest is.'),
      target: z
        .string()
        .regex(/^(vm|ct)\/[1-9]\d{2,8}$/, 'must be vm/103 or ct/104')
        .describe('The guest.'),
      status: z.enum(['running', 'stopped']).describe('The status that it has to have.'),
    }),
    z.strictObject({
      kind: z.literal('tcp').describe('A port answers.'),
      host: z
        .string()
        .regex(/^[A-Za-z0-9.:-]{1,253}$/, 'must be a name or an address')
        .describe('The host.'),
      port: z
        .int('must be a number from 1 to 65535')
        .min(1, 'must be 1 or more')
        .max(65535, 'must be 65535 or less')
        .describe('The port.'),
    }),
  ])
  .describe('A check that the control plane runs itself.');
export type CriterionCheck = z.output<typeof checkSchema>;

const criterion = z.strictObject({ text: words(2000), check: checkSchema.optional() });

/** What people write of a change; everything else of a record the control plane keeps. */
export const contentSchema = z.strictObject({
  title: words(300).describe('What the change is, in a line.'),
  date: z.string().trim().max(40).default('').describe('When it is meant to happen, as people write it.'),
  phase: z.string().max(300).default('').describe('The phase of the roadmap that it belongs to.'),
  requested_by: z.string().max(200).default('').describe('Who wants it.'),
  role: z.string().max(200).default('').describe('Their role.'),
  summary: z.string().max(20_000).default('').describe('What is done and why; Markdown.'),
  scope: z
    .strictObject({
      in: lines.describe('What belongs to it.'),
      out: lines.describe('What does not.'),
      out_note: z.string().max(200).optional().describe('Said beside "Out of Scope".'),
    })
    .default({ in: [], out: [] })
    .describe('What belongs to it and what does not.'),
  risk: z
    .strictObject({
      level: z
        .enum(['low', 'medium', 'high'], 'must be low, medium or high')
        .default('low')
        .describe('How much can go wrong.'),
      identified: lines.describe('What can go wrong.'),
      mitigations: lines.describe('What is done against it.'),
    })
    .default({ level: 'low', identified: [], mitigations: [] })
    .describe('What can go wrong, and what is done against it.'),
  impact: z
    .array(z.strictObject({ on: words(200), effect: words(2000) }))
    .max(100)
    .default([])
    .describe('Per VLAN, service or household: what they notice.'),
  downtime: z.string().max(500).default('').describe('The downtime that is expected.'),
  rollback: lines.describe('How to get back.'),
  validation: z.array(criterion).max(100).default([]).describe('What has to be true for it to be completed.'),
  notes: z.string().max(20_000).default('').describe('Anything else; Markdown.'),
  more: z
    .array(z.strictObject({ heading: words(200), text: z.string().max(20_000) }))
    .max(50)
    .default([])
    .describe('Sections of an imported document that are none of the above.'),
  environments: z
    .array(z.string().min(1))
    .max(50)
    .default([])
    .describe('Environments that it touches; all when empty.'),
  runbooks: z.array(words(100)).max(50).default([]).describe('Runbooks that it follows, by name.'),
});
export type Content = z.output<typeof contentSchema>;
/** What a caller may send: what is left out has its default. */
export type ContentInput = z.input<typeof contentSchema>;

/**
 * Some of it: what is left out stays as it is, so that nothing has a default here. A member that is given replaces the
 * one that was there, as a whole.
 */
export const contentPatchShape = Object.fromEntries(
  Object.entries(contentSchema.shape).map(([name, field]) => [
    name,
    (field instanceof z.ZodDefault ? field.removeDefault() : field).optional(),
  ]),
) as unknown as { [K in keyof typeof contentSchema.shape]: z.ZodOptional<z.ZodType<ContentInput[K]>> };

/** `CC-001`: counted per lab, three digits or more. */
export const changeId = (number: number): string => `CC-${String(number).padStart(3, '0')}`;
export const CHANGE_ID = /^CC-(\d{3,9})$/;
