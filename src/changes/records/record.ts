import { hashJson } from '../../kernel/canonical.ts';
import {
  listChangeRecords,
  type Actor,
  type ChangeRecordFilter,
  type ChangeRecordRow,
  type JsonObject,
  type StoreReader,
} from '../../store/index.ts';
import type { Category, ChangeStatus, Content } from './model.ts';

/** Where a change stood since when, on whose word. */
export interface Passage {
  readonly status: ChangeStatus;
  readonly at: number;
  readonly by: Actor;
  readonly note: string;
}

/** What became of a criterion: by a check that ran, or by a person's word. */
export interface CriterionResult {
  readonly result: 'passed' | 'failed';
  readonly how: 'check' | 'word';
  readonly at: number;
  readonly by: Actor;
  readonly evidence: string;
}

export interface BoardApproval {
  readonly by: Actor;
  readonly at: number;
  readonly comment: string;
  readonly method: string;
  /** How the second factor was shown; absent when none was. */
  readonly factor?: string;
  /** Of the content as that person saw it. */
  readonly digest: string;
}

/** An emergency is looked at afterwards, within days. */
export interface PostReview {
  readonly due_at: number;
  readonly done?: { readonly at: number; readonly by: Actor; readonly text: string };
  /** When the last reminder went out. */
  readonly reminded_at?: number;
}

/** What the control plane keeps of a change beside what people wrote. */
export interface ChangeRecord {
  readonly id: string;
  readonly number: number;
  readonly category: Category;
  readonly status: ChangeStatus;
  readonly created_at: number;
  readonly updated_at: number;
  readonly created_by: Actor;
  /** Everybody who has rewritten it, each once. */
  readonly writers?: readonly Actor[];
  /** Its category when it was begun: one that is raised to an emergency later was not begun as one. */
  readonly begun_as?: Category;
  readonly content: Content;
  readonly history: readonly Passage[];
  /** By the criterion's words, so that a criterion that was rewritten is open again. */
  readonly results: Readonly<Record<string, CriterionResult>>;
  readonly approvals: readonly BoardApproval[];
  readonly evidence: readonly { readonly at: number; readonly by: Actor; readonly text: string }[];
  readonly review?: PostReview;
}

type Kept = Omit<ChangeRecord, 'id' | 'number' | 'category' | 'status' | 'created_at' | 'updated_at'>;

export function recordOf({ body, category, status, ...row }: ChangeRecordRow): ChangeRecord {
  return { ...row, ...(body as unknown as Kept), category: category as Category, status: status as ChangeStatus };
}

export function rowOf(record: ChangeRecord): ChangeRecordRow {
  const { id, number, category, status, created_at, updated_at, ...kept } = record;
  return { id, number, category, status, created_at, updated_at, body: kept as object as JsonObject };
}

/** What an approval is bound to: the words of the change and its category. */
export const digestOf = ({ content, category }: Pick<ChangeRecord, 'content' | 'category'>): string =>
  hashJson({ content, category });

/** Whether somebody has approved it as it stands. */
export const isApproved = (record: ChangeRecord): boolean =>
  record.approvals.some(({ digest }) => digest === digestOf(record));

/** The note that belongs to where the change stands now. */
export const noteOf = ({ history, status }: ChangeRecord): string =>
  history.findLast((passage) => passage.status === status)?.note ?? '';

export const ENDED_CHANGES: readonly ChangeStatus[] = ['completed', 'rolled_back', 'rejected'];
export const isOver = ({ status }: Pick<ChangeRecord, 'status'>): boolean => ENDED_CHANGES.includes(status);

/** An emergency that nobody has looked at in time. */
export const isOverdue = ({ review }: Pick<ChangeRecord, 'review'>, now: number): boolean =>
  review !== undefined && review.done === undefined && review.due_at <= now;

const PAGE = 200;

/** Every change of the filter, newest first; read a page at a time. */
export async function* changesOf(
  reader: StoreReader,
  filter: Omit<ChangeRecordFilter, 'limit'> = {},
): AsyncGenerator<ChangeRecord> {
  for (let { before } = filter; ;) {
    const page = await listChangeRecords(reader, { ...filter, limit: PAGE, before });
    for (const row of page) yield recordOf(row);
    before = page.at(-1)?.number;
    if (page.length < PAGE || before === undefined) return;
  }
}
