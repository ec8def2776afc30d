import { z } from 'zod';

/** Shapes that several routes share; answers may always carry more members. */
export const planId = z.strictObject({ plan_id: z.uuid().describe('Id of the plan.') });
export const operationId = z.strictObject({ operation_id: z.uuid().describe('Id of the operation.') });
export const cursor = {
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('Most entries to answer.'),
  before: z.uuid().optional().describe('Only entries before this id: `next` of the page before.'),
};
export const environmentName = z.string().min(1).describe('Name of the environment.');

export const planDocument = z
  .looseObject({
    plan_id: z.string(),
    state: z.string(),
    environment: z.string(),
    request_hash: z.string(),
    plan_hash: z.string(),
  })
  .describe('A plan, as in the contract.');
export const operationDocument = z
  .looseObject({ operation_id: z.string(), plan_id: z.string(), state: z.string() })
  .describe('An operation, as in the contract.');
export const problemDocument = z
  .looseObject({ code: z.string(), title: z.string(), detail: z.string(), correlation_id: z.string() })
  .describe('RFC 9457 problem; `code` is of the error catalogue.');

/** `responses` of a route: its own answers and the problem that any route may answer. */
export const answers = (own: Record<number, z.ZodType>): Record<string, z.ZodType> => ({
  ...own,
  default: problemDocument,
});

/** Of routes that answer nothing when they have done what was asked. */
export const done = answers({ 204: z.null().describe('Done.') });
