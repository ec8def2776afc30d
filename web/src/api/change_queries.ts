import type { AttemptMemory } from './attempts.ts';
import { askPasskey } from './passkey.ts';
import type { Change, ChangeMetrics } from './change_types.ts';
import { usePages, usePolling, useRead, useSend, type Page } from './queries.ts';

const q = encodeURIComponent;

/** Changes of one status, or of any where it is empty; newest first, a page at a time. */
export const useChanges = (status: string) =>
  usePages<Page & { changes: Change[] }>(
    ['changes', 'list', status],
    `/v1/changes?limit=50${status === '' ? '' : `&status=${q(status)}`}`,
  );

/** Emergencies that nobody has reviewed in time. */
export const useOverdueReviews = () => {
  const refetchInterval = usePolling();
  return useRead<{ changes: Change[] }>(['changes', 'overdue'], '/v1/changes?overdue=1', { refetchInterval });
};

export const useChange = (id: string) => {
  const refetchInterval = usePolling();
  return useRead<Change>(['changes', 'one', id], `/v1/changes/${q(id)}`, { refetchInterval });
};

export const useChangeMetrics = () => {
  const refetchInterval = usePolling();
  return useRead<ChangeMetrics>(['changes', 'metrics'], '/v1/changes/metrics', { refetchInterval });
};

export interface Step {
  /** Behind `/v1/changes/{id}/`. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One step of a change's life. */
export const useStep = (id: string) =>
  useSend<Change, Step>((post, { path, body }) => post(`/v1/changes/${q(id)}/${path}`, body));

/** An approval that a passkey signs: it is asked about this change as it stands. */
export const useApproveWithPasskey = (id: string) =>
  useSend<Change, Readonly<Record<string, unknown>>>(async (post, body, client) => {
    const path = `/v1/changes/${q(id)}`;
    const factor = await askPasskey(await client.get<Record<string, unknown>>(`${path}/passkey-challenge`));
    return post(`${path}/approve`, { ...body, factor });
  });

/** A new change; `memory` outlives a reload, as the draft does. */
export const useWrite = (memory: AttemptMemory) =>
  useSend<Change, Readonly<Record<string, unknown>>>((post, body) => post('/v1/changes', body), memory);

/** Some of a change anew; `digest` is of the words that were read. */
export const useRewrite = (id: string) =>
  useSend<Change, Readonly<Record<string, unknown>>>((_, body, client) =>
    client.change('PATCH', `/v1/changes/${q(id)}`, body),
  );
