import { useInfiniteQuery, useMutation, useQuery, useQueryClient, type UseQueryOptions } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { formMemory, withAttempts, type AttemptMemory } from './attempts.ts';
import { Problem, type Client } from './client.ts';
import { useApi } from './context.tsx';
import type { Run, Runbook, RunbookWhole, RunSummary } from './runbook_types.ts';
import type {
  Action,
  AuditRecord,
  Calendar,
  Environment,
  Guest,
  Me,
  OpenSession,
  Operation,
  OwnToken,
  Passkey,
  Plan,
  PveNode,
} from './types.ts';

/** What PVE itself changes without telling anyone is read again this often: its own lists are new every 10 s
 * (FACTS 41). */
const LAB_EVERY_MS = 10_000;
/** Lists that the event stream keeps fresh are polled only while it is down. */
const POLL_MS = 5_000;
const CALENDAR_EVERY_MS = 60_000;

type Options<T> = Omit<UseQueryOptions<T>, 'queryKey' | 'queryFn'>;

export function useRead<T>(key: readonly unknown[], path: string, options: Options<T> = {}) {
  const { client } = useApi();
  return useQuery<T>({ queryKey: key, queryFn: ({ signal }) => client.get<T>(path, signal), ...options });
}

export function usePolling(): number | false {
  return useApi().live === 'live' ? false : POLL_MS;
}

const q = encodeURIComponent;

export const useMe = () => useRead<Me>(['me'], '/v1/me', { staleTime: 60_000 });

export const useSessions = () => useRead<{ sessions: OpenSession[] }>(['account', 'sessions'], '/v1/sessions');
export const usePasskeys = () => useRead<{ passkeys: Passkey[] }>(['account', 'passkeys'], '/v1/me/passkeys');
export const useOwnTokens = () => useRead<{ tokens: OwnToken[] }>(['account', 'tokens'], '/v1/me/tokens');

export const useEnvironments = () =>
  useRead<{ environments: Environment[] }>(['environments'], '/v1/environments', { refetchInterval: LAB_EVERY_MS });

export const useNodes = (environment: string | undefined) =>
  useRead<{ nodes: PveNode[] }>(['nodes', environment], `/v1/nodes?environment=${q(environment ?? '')}`, {
    enabled: environment !== undefined,
    refetchInterval: LAB_EVERY_MS,
  });

export const useInventory = (environment: string | undefined) =>
  useRead<{ guests: Guest[] }>(['inventory', environment], `/v1/inventory?environment=${q(environment ?? '')}`, {
    enabled: environment !== undefined,
    refetchInterval: LAB_EVERY_MS,
  });

export const useActions = () => useRead<{ actions: Action[] }>(['actions'], '/v1/actions', { staleTime: 600_000 });

export const useAudit = () => {
  const refetchInterval = usePolling();
  return useRead<{ records: AuditRecord[]; head?: unknown }>(['audit'], '/v1/audit?last=20', { refetchInterval });
};

/** The next six weeks; windows open by the clock, without an event. */
export const useCalendar = (environment: string | undefined) =>
  useRead<Calendar>(['calendar', environment], `/v1/calendar?environment=${q(environment ?? '')}`, {
    enabled: environment !== undefined,
    refetchInterval: CALENDAR_EVERY_MS,
  });

export const usePlan = (plan_id: string | undefined) => {
  const refetchInterval = usePolling();
  return useRead<Plan>(['plans', 'one', plan_id], `/v1/plans/${q(plan_id ?? '')}`, {
    enabled: plan_id !== undefined,
    refetchInterval,
  });
};

/** What a plan asks for; this part of it never changes, so no event makes it stale. */
export const useRequests = (plan_id: string) =>
  useRead<Pick<Plan, 'requests' | 'targets'>>(['requests', plan_id], `/v1/plans/${q(plan_id)}`, {
    staleTime: Infinity,
  });

export const useOperation = (operation_id: string, known: Operation) => {
  const refetchInterval = usePolling();
  return useRead<Operation>(['operations', 'one', operation_id], `/v1/operations/${q(operation_id)}`, {
    refetchInterval,
    placeholderData: known,
  });
};

/** An operation that has ended, which never changes again. */
export const useEnded = (operation_id: string) =>
  useRead<Operation>(['ended', operation_id], `/v1/operations/${q(operation_id)}`, { staleTime: Infinity });

export const useRunbooks = () =>
  useRead<{ runbooks: Runbook[] }>(['runbooks', 'list'], '/v1/runbooks', { staleTime: 60_000 });

export const useRunbook = (id: string) => useRead<RunbookWhole>(['runbooks', 'one', id], `/v1/runbooks/${q(id)}`);

export const useRun = (run_id: string) => {
  const refetchInterval = usePolling();
  return useRead<Run>(['runs', 'one', run_id], `/v1/runbook-runs/${q(run_id)}`, { refetchInterval });
};

export interface Page {
  readonly next?: string | null;
}

export function usePages<T extends Page>(key: readonly unknown[], path: string) {
  const { client } = useApi();
  const refetchInterval = usePolling();
  return useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      client.get<T>(pageParam === '' ? path : `${path}&before=${q(pageParam)}`, signal),
    initialPageParam: '',
    getNextPageParam: (last: T) => (last.next === undefined || last.next === null ? undefined : last.next),
    refetchInterval,
  });
}

/** Plans in one state, newest first, a page at a time. */
export const usePlans = (state: string) =>
  usePages<Page & { plans: Plan[] }>(['plans', 'list', state], `/v1/plans?state=${q(state)}`);

export const useActiveOperations = () =>
  usePages<Page & { operations: Operation[] }>(['operations', 'active'], '/v1/operations?active=1');

export const useOperations = () =>
  usePages<Page & { operations: Operation[] }>(['operations', 'all'], '/v1/operations?limit=10');

/** Runs that can still go on. */
export const useOpenRuns = () =>
  usePages<Page & { runs: RunSummary[] }>(['runs', 'active'], '/v1/runbook-runs?limit=10&active=1');

export const useRuns = () => usePages<Page & { runs: RunSummary[] }>(['runs', 'all'], '/v1/runbook-runs?limit=10');

/** A client of this form alone, whose POSTs are done once however often they are sent. */
export function useOnce(memory?: AttemptMemory): Client {
  const { client } = useApi();
  const [kept] = useState(() => memory ?? formMemory());
  return useMemo(() => withAttempts(client, kept), [client, kept]);
}

/**
 * A change that the server is asked for. Whatever the answer, plans, operations, changes and the audit are read again after it:
 * a refusal usually means that the page shows something old. Sent again because its answer was lost, it is done once;
 * `memory` is where that is kept, as long as the form is open when left out.
 */
export function useSend<T, V>(
  what: (post: Client['post'], input: V, client: Client) => Promise<T>,
  memory?: AttemptMemory,
) {
  const client = useOnce(memory);
  const queries = useQueryClient();
  return useMutation<T, Error, V>({
    mutationFn: (input) => what(client.post, input, client),
    onSettled: (_, error) => {
      if (error instanceof Problem && error.status === 400) return;
      for (const key of ['plans', 'operations', 'changes', 'runs', 'audit', 'calendar'])
        void queries.invalidateQueries({ queryKey: [key] });
    },
  });
}

/** A change of the caller's own account; what the page shows of it is read again after it. */
export function useAccountChange<T, V>(what: (client: Client, input: V) => Promise<T>) {
  const { client } = useApi();
  const queries = useQueryClient();
  return useMutation<T, Error, V>({
    mutationFn: (input) => what(client, input),
    onSettled: () => {
      for (const key of ['me', 'account']) void queries.invalidateQueries({ queryKey: [key] });
    },
  });
}
