import { z } from 'zod';
import { findAction, parseParams, parseTarget, type AnyAction, type Target } from '../actions/index.ts';
import { hashJson } from '../kernel/canonical.ts';
import { AgentError } from '../kernel/errors.ts';
import { fieldErrors, fit } from '../kernel/fit.ts';
import { REDACTED, Secret } from '../kernel/secret.ts';
import { inOrder } from '../operations/index.ts';

const one = z.strictObject({
  environment: z.string().min(1).describe('Name of the environment.'),
  action: z.string().min(1).describe('Name of the action, such as vm.clone.'),
  target: z.string().min(1).describe('One concrete target, such as vm/103.'),
  params: z.record(z.string(), z.unknown()).default({}).describe('Parameters of the action.'),
});
const common = {
  reason: z.string().max(2000).optional().describe('Why; kept with the plan and in the audit log.'),
  change_id: z.string().max(64).optional().describe('The change record that this belongs to, such as CC-001.'),
};

/** Body of `POST /v1/actions/plan`. */
export const planRequestSchema = one.extend({
  dry_run: z.boolean().default(false).describe('Only show the plan; it can never be applied.'),
  ...common,
});
/** Body of `POST /v1/plans`. */
export const plansRequestSchema = z.strictObject({
  actions: z
    .array(
      one.extend({
        id: z
          .string()
          .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "-" or "_"')
          .describe('Name within this plan.'),
        after: z.array(z.string()).default([]).describe('Actions that must have ended well first.'),
      }),
    )
    .min(1)
    .max(500),
  ...common,
});

/** What is asked for: one environment, one or more actions in order. */
export interface ChangeRequest {
  readonly environment: string;
  readonly dry_run: boolean;
  readonly reason: string | null;
  readonly change_id: string | null;
  readonly request_hash: string;
  readonly items: readonly RequestItem[];
}

export interface RequestItem {
  readonly id: string;
  readonly action: AnyAction;
  /** The name as it was sent. */
  readonly name: string;
  readonly target: Pick<Target, 'kind' | 'id' | 'text' | 'vmid'>;
  readonly params: unknown;
  /** As sent, secrets and all; only ever stored sealed. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** As sent, secrets replaced. */
  readonly shown: unknown;
  readonly after: readonly string[];
}

/**
 * Reads a single request (`action`) or several (`actions`). Errors: `VALIDATION_FAILED` naming every wrong field,
 * `NOT_FOUND` for an unknown action.
 */
export function readRequest(body: unknown): ChangeRequest {
  const several = typeof body === 'object' && body !== null && 'actions' in body;
  return several ? readSeveral(body) : readSingle(body);
}

function readSingle(body: unknown): ChangeRequest {
  const { environment, dry_run, reason, change_id, ...raw } = parse(planRequestSchema, body);
  const item = readItem({ ...raw, id: 'a1', after: [] });
  return {
    environment,
    dry_run,
    reason: reason ?? null,
    change_id: change_id ?? null,
    request_hash: hashJson(hashed(item, environment, dry_run)),
    items: [item],
  };
}

function readSeveral(body: unknown): ChangeRequest {
  const { actions, reason, change_id } = parse(plansRequestSchema, body);
  const [first] = actions;
  const environment = first?.environment ?? '';
  const errors: Record<string, string> = {};
  const seen = new Set<string>();
  actions.forEach((action, index) => {
    if (action.environment !== environment)
      errors[`actions.${index}.environment`] =
        `must be ${environment}, as in the first action: a plan is for one environment`;
    if (seen.has(action.id)) errors[`actions.${index}.id`] = 'is used twice';
    seen.add(action.id);
  });
  if (Object.keys(errors).length > 0)
    throw new AgentError('VALIDATION_FAILED', 'The actions do not fit together.', { errors });
  const items = inOrder(actions.map(readItem));
  const request_hash = hashJson(
    items.map((item) => ({ ...hashed(item, environment, false), id: item.id, after: item.after })),
  );
  return { environment, dry_run: false, reason: reason ?? null, change_id: change_id ?? null, request_hash, items };
}

function readItem(raw: {
  id: string;
  action: string;
  target: string;
  params: Record<string, unknown>;
  after: readonly string[];
}): RequestItem {
  const action = findAction(raw.action);
  const target = parseTarget(raw.target);
  if (target.kind !== action.target) {
    throw new AgentError(
      'VALIDATION_FAILED',
      `${action.name} works on a ${action.target}, and ${raw.target} is a ${target.kind}.`,
      { errors: { target: `must be a ${action.target}` } },
    );
  }
  const params = parseParams(action, raw.params);
  return {
    id: raw.id,
    action,
    name: raw.action,
    target,
    params,
    raw: raw.params,
    shown: hideSecrets(raw.params, params),
    after: raw.after,
  };
}

/** `request_hash` covers exactly these members (RFC 8785); approval metadata is not among them. */
const hashed = (item: RequestItem, environment: string, dry_run: boolean) => ({
  action: item.name,
  dry_run,
  environment,
  params: item.shown,
  target: item.target.text,
});

/** Deeper than any parameter of PVE goes; what reads a request recursively can rely on it. */
const MAX_DEPTH = 32;

/** What no schema looks for, by field: half a surrogate pair, which can be neither hashed nor sent, and endless nesting. */
function unfit(value: unknown, at: readonly string[] = []): Record<string, string> | undefined {
  const field = at.join('.') || 'body';
  if (typeof value === 'string')
    return value.isWellFormed() ? undefined : { [field]: 'is not valid text: it has half of a surrogate pair' };
  if (value === null || typeof value !== 'object') return undefined;
  if (at.length === MAX_DEPTH) return { [at[0] ?? 'body']: `is nested deeper than ${MAX_DEPTH} levels` };
  for (const [key, inner] of Object.entries(value)) {
    const found = unfit(key, at) ?? unfit(inner, [...at, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const errors = unfit(body);
  if (errors !== undefined) throw new AgentError('VALIDATION_FAILED', 'The request is not valid.', { errors });
  const parsed = fit(schema, body);
  if (parsed.success) return parsed.data;
  throw new AgentError('VALIDATION_FAILED', 'The request is not valid.', { errors: fieldErrors(parsed.misfits) });
}

/** The request as sent, with `[redacted]` wherever its schema says secret: parsing turned those into `Secret`. */
function hideSecrets(raw: unknown, parsed: unknown): unknown {
  if (parsed instanceof Secret) return REDACTED;
  if (Array.isArray(raw)) return raw.map((item, index) => hideSecrets(item, (parsed as unknown[])[index]));
  if (raw === null || typeof raw !== 'object') return raw;
  return Object.fromEntries(
    Object.entries(raw).map(([key, value]) => [
      key,
      hideSecrets(value, (parsed as Record<string, unknown> | undefined)?.[key]),
    ]),
  );
}
