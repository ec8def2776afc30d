import { AgentError } from '../../kernel/errors.ts';
import {
  getChangeRecord,
  insertChangeRecord,
  lastChangeNumber,
  updateChangeRecord,
  type Actor,
  type ChangeRecordFilter,
  type MadeNote,
  type StoreTx,
} from '../../store/index.ts';
import type { ChangesDeps } from '../changes.ts';
import { actorOf, type Principal } from '../../identity/index.ts';
import { findChangeAs, findChangeFor, maySee, requireFor } from './access.ts';
import { bodyOf } from '../plan.ts';
import { readChange } from './markdown/read.ts';
import { writeChange } from './markdown/write.ts';
import {
  CATEGORIES,
  CHANGE_ID,
  changeId,
  contentSchema,
  type Category,
  type ChangeStatus,
  type Content,
  type ContentInput,
} from './model.ts';
import { changesOf, digestOf, isOver, isOverdue, noteOf, recordOf, rowOf, type ChangeRecord } from './record.ts';
import { withStanding } from './standing.ts';
import { changeView, isPreapproved, NEVER_APPLIED, plansOf } from './view.ts';

export type ChangeView = Record<string, unknown>;

export async function viewChange(deps: ChangesDeps, id: string, principal: Principal): Promise<ChangeView> {
  return shown(deps, await findChangeFor(deps.store, id, principal), principal);
}

async function shown(deps: ChangesDeps, record: ChangeRecord, principal: Principal): Promise<ChangeView> {
  const standing = await withStanding(deps, record);
  return changeView(record, await plansOf(deps.store, record.id), principal, deps.clock.now(), standing);
}

export interface ChangeFilter extends ChangeRecordFilter {
  /** Only those whose review is overdue. */
  readonly overdue?: boolean | undefined;
}

/** Newest first, without their plans: those that the caller may see, `limit` of them where there are so many. */
export async function listChanges(
  deps: ChangesDeps,
  { limit, overdue = false, ...filter }: ChangeFilter,
  principal: Principal,
): Promise<ChangeView[]> {
  const now = deps.clock.now();
  const found: ChangeView[] = [];
  for await (const record of changesOf(deps.store, filter)) {
    if (found.length === limit) break;
    if (!maySee(principal, record.content) || (overdue && !isOverdue(record, now))) continue;
    found.push(changeView(record, [], principal, now));
  }
  return found;
}

/** A new change, with the next number. Errors: `VALIDATION_FAILED`, `FORBIDDEN`, `NOT_FOUND` for an environment. */
export function createChange(
  deps: ChangesDeps,
  input: { readonly category?: Category | undefined; readonly content: ContentInput },
  principal: Principal,
  note?: MadeNote,
): Promise<ChangeView> {
  const content = contentSchema.parse(input.content);
  return add(deps, { content, category: input.category ?? 'normal', status: 'planned', why: '' }, principal, note);
}

/**
 * Takes a change from its document, under the number that it has there. A document cannot say that something was
 * approved or done: what stands in it as approved, in progress or completed is planned here. Errors:
 * `VALIDATION_FAILED`, `CHANGE_STATE` when there is a change with its number, `FORBIDDEN`.
 */
export function importChange(
  deps: ChangesDeps,
  markdown: string,
  principal: Principal,
  note?: MadeNote,
): Promise<ChangeView> {
  const { id, category = 'normal', status, status_note, content } = readChange(markdown);
  const kept = status === 'paused' || status === 'rejected' ? status : 'planned';
  // Nothing has allowed its plans beforehand here.
  const taken = category === 'standard' ? 'normal' : category;
  const claims = [
    ...(kept === status ? [] : [`the document says "${status.replaceAll('_', ' ')}"`]),
    ...(taken === category ? [] : [`the document says "${category}"; a rule has to allow its plans for that`]),
    ...(status_note === '' ? [] : [status_note]),
  ];
  return add(deps, { id, content, category: taken, status: kept, why: claims.join('; ') }, principal, note);
}

interface NewChange {
  readonly id?: string | undefined;
  readonly content: Content;
  readonly category: Category;
  readonly status: ChangeStatus;
  /** Of its status. */
  readonly why: string;
}

async function add(deps: ChangesDeps, made: NewChange, principal: Principal, note?: MadeNote): Promise<ChangeView> {
  const { content, category, status, why } = made;
  requireFor(principal, 'operator', content);
  for (const environment of content.environments) deps.estate.get(environment);
  // A new change has no plans yet, so nothing says that a rule has allowed them beforehand.
  if (category === 'standard') requireRule([], category);
  const record = await deps.store.commit(async (trx) => {
    const number = made.id === undefined ? (await lastChangeNumber(trx)) + 1 : Number(CHANGE_ID.exec(made.id)?.[1]);
    const at = deps.clock.now();
    const by = actorOf(principal);
    const fresh: ChangeRecord = {
      id: made.id ?? changeId(number),
      number,
      category,
      status,
      created_at: at,
      updated_at: at,
      created_by: by,
      content,
      history: [{ status, at, by, note: why }],
      results: {},
      approvals: [],
      evidence: [],
    };
    if (!(await insertChangeRecord(trx, rowOf(fresh))))
      throw new AgentError('CHANGE_STATE', `There is a change ${fresh.id} already.`);
    await tell(deps, trx, fresh, 'change.created', principal, { title: content.title, category, status });
    await note?.(trx, fresh.id);
    return fresh;
  });
  return shown(deps, record, principal);
}

/** The document of a change, in the shape that `importChange` reads. Errors: `NOT_FOUND`. */
export async function exportChange(deps: ChangesDeps, id: string, principal: Principal): Promise<string> {
  const record = await findChangeFor(deps.store, id, principal);
  const { category, status, content, approvals, evidence, review, results } = record;
  const iso = (at: number): string => new Date(at).toISOString();
  const front = {
    ...(Object.keys(results).length === 0
      ? {}
      : { results: content.validation.map(({ text }) => results[text]?.result ?? 'open') }),
    ...(approvals.length === 0
      ? {}
      : { approvals: approvals.map(({ by, at, comment }) => ({ by: by.name ?? by.id, at: iso(at), comment })) }),
    ...(evidence.length === 0 ? {} : { evidence: evidence.map(({ text }) => text) }),
    ...(review?.done === undefined ? {} : { review: { at: iso(review.done.at), text: review.done.text } }),
  };
  return writeChange({ id, category, status, status_note: noteOf(record), content, front });
}

/**
 * Writes a change anew, in whole or in part. An approval holds for what was approved only: when the words change, an
 * approved change is planned again. Errors: `CHANGE_STATE` when it is over or `digest` is not the current one,
 * `FORBIDDEN` for a category that only a rule can give.
 */
export async function updateChange(
  deps: ChangesDeps,
  id: string,
  input: {
    readonly category?: Category | undefined;
    readonly content: Partial<ContentInput>;
    readonly digest?: string | undefined;
  },
  principal: Principal,
): Promise<ChangeView> {
  await findChangeAs(deps.store, id, principal, 'operator');
  const plans = await plansOf(deps.store, id);
  return change(deps, id, principal, 'change.updated', (record) => {
    const content = contentSchema.parse({ ...record.content, ...input.content });
    requireFor(principal, 'operator', content);
    for (const environment of content.environments) deps.estate.get(environment);
    const category = input.category ?? record.category;
    if (CATEGORIES.indexOf(category) < CATEGORIES.indexOf(record.category)) requireRule(plans, category);
    if (isOver(record)) throw new AgentError('CHANGE_STATE', `${id} is ${record.status} and is not rewritten.`);
    if (input.digest !== undefined && input.digest !== digestOf(record))
      throw new AgentError('CHANGE_STATE', `${id} was changed meanwhile; look at it again.`, {
        errors: { digest: `is of words that were rewritten; those of now have ${digestOf(record)}` },
      });
    const after = { ...record, content, category, writers: withWriter(record, actorOf(principal)) };
    if (record.status !== 'approved' || digestOf(after) === digestOf(record)) return after;
    return passed(deps, after, 'planned', 'it was rewritten after its approval', principal);
  });
}

const withWriter = ({ writers = [] }: ChangeRecord, by: Actor): readonly Actor[] =>
  writers.some(({ id }) => id === by.id) ? writers : [...writers, by];

/** A category may always be raised; it is lowered only where a rule of the policy has allowed every plan. */
function requireRule(plans: Awaited<ReturnType<typeof plansOf>>, category: Category): void {
  const live = plans.filter(({ state }) => !NEVER_APPLIED.includes(state));
  const other = live.find((plan) => !isPreapproved(plan));
  if (live.length > 0 && other === undefined) return;
  const why =
    other === undefined
      ? 'make them first, with --change'
      : `plan ${other.plan_id} is not among what a rule allows (${bodyOf(other).change_category?.why ?? 'nothing is known of it'})`;
  throw new AgentError(
    'FORBIDDEN',
    `A change is made ${category} only when a rule of the policy has allowed its plans beforehand; ${why}.`,
    { errors: { category: `only a rule can make it ${category}` } },
  );
}

/** One step of a change's life: read, judged and written in one commit, and told of in the audit log. */
export async function change(
  deps: ChangesDeps,
  id: string,
  principal: Principal,
  event: string,
  step: (record: ChangeRecord) => ChangeRecord,
): Promise<ChangeView> {
  const record = await deps.store.commit((trx) => changeIn(deps, trx, { id, event, step }, principal));
  return shown(deps, record, principal);
}

export async function changeIn(
  deps: ChangesDeps,
  trx: StoreTx,
  {
    id,
    event,
    step,
  }: { readonly id: string; readonly event: string; readonly step: (record: ChangeRecord) => ChangeRecord },
  principal: Principal,
): Promise<ChangeRecord> {
  const before = recordOf(await getChangeRecord(trx, id));
  const after = { ...step(before), updated_at: deps.clock.now() };
  await updateChangeRecord(trx, id, rowOf(after));
  await tell(deps, trx, after, event, principal, {
    status: after.status,
    category: after.category,
    note: noteOf(after),
    digest: digestOf(after),
  });
  return after;
}

/** The record as it stands after it has passed to a status. */
export function passed(
  deps: Pick<ChangesDeps, 'clock'>,
  record: ChangeRecord,
  status: ChangeStatus,
  note: string,
  principal: Principal,
): ChangeRecord {
  const passage = { status, at: deps.clock.now(), by: actorOf(principal), note };
  return { ...record, status, history: [...record.history, passage] };
}

async function tell(
  deps: ChangesDeps,
  trx: StoreTx,
  { id, content: { environments } }: ChangeRecord,
  event: string,
  principal: Principal,
  payload: object,
): Promise<void> {
  const ids = { change_id: id };
  await deps.audit.append(trx, { actor: actorOf(principal), event, ids, payload });
  await deps.events.publish(trx, { type: event, ids, ...scopeOf(environments, payload) });
}

/**
 * Where an event of a change is told, and what of it. An event has one environment or is everybody's; of a change that
 * touches several, everybody learns only that something happened to it.
 */
export const scopeOf = (
  environments: readonly string[],
  data: object,
): { readonly environment?: string; readonly data: object } => {
  const [environment, ...others] = environments;
  if (environment === undefined) return { data };
  return others.length === 0 ? { environment, data } : { data: {} };
};
