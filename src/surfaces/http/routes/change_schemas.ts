import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CATEGORIES, CHANGE_ID, contentPatchShape, contentSchema } from '../../../changes/index.ts';

/** Shapes that the routes of changes share. */
export const changeId = z.string().regex(CHANGE_ID, 'must be like CC-001').describe('Number of the change.');
export const changeParams = z.strictObject({ change_id: changeId });

export const idOf = ({ params }: FastifyRequest): string => (params as z.output<typeof changeParams>).change_id;
export const numberOf = (id: string): number => Number(CHANGE_ID.exec(id)?.[1]);

export const changeDocument = z
  .looseObject({
    id: z.string(),
    category: z.string(),
    status: z.string(),
    status_note: z.string(),
    title: z.string(),
    digest: z.string().describe('Of its words and category; what an approval is bound to.'),
  })
  .describe('A change: what people wrote, and what the control plane keeps of it.');

const category = z
  .enum(CATEGORIES)
  .optional()
  .describe('`normal` when left out. It may always be raised; only a rule of the policy lowers it.');
export const digestText = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be the 64 hex digits of the change’s digest')
  .describe('The digest of the change as it was seen.');

export const newChange = z.strictObject({ category, ...contentSchema.shape });
export const patchedChange = z.strictObject({
  category,
  digest: digestText.optional().describe('When given, a change that was rewritten meanwhile is left alone.'),
  ...contentPatchShape,
});

const markdown = z.string().min(1, 'is needed').max(500_000).describe('A change in the shape of docs/changes.md.');
export const importBody = z.union([markdown, z.strictObject({ markdown })], {
  error: 'Send the document as text/markdown, or as JSON {"markdown": "…"}.',
});
