import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, use, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';
import { createClient, Problem, type Client } from './client.ts';
import { follow, type LiveEvent, type LiveState } from './live.ts';
import type { Session } from './session.ts';

interface Api {
  readonly session: Session;
  readonly client: Client;
  readonly live: LiveState;
  /** Calls `listener` for every event of the server until the answer is called. */
  readonly onEvent: (listener: (event: LiveEvent) => void) => () => void;
}

const ApiContext = createContext<Api | null>(null);

export function useApi(): Api {
  const api = use(ApiContext);
  if (api === null) throw new Error('useApi outside ApiProvider');
  return api;
}

/** Who is signed in, as a text that is another one for another caller. */
export const useCaller = (session: Session): string | undefined =>
  useSyncExternalStore(session.subscribe, session.caller);

/** Which reads an event makes stale, by the begin of their keys. What is not named is read again on its own clock. */
function staleAfter(type: string): readonly string[] {
  if (type === 'operation.progress') return ['operations/one'];
  if (type.startsWith('operation.')) return ['operations', 'plans', 'changes', 'runs', 'audit', 'inventory', 'nodes'];
  if (type.startsWith('runbook.')) return ['runs', 'audit'];
  if (type.startsWith('plan.') || type.startsWith('approval.'))
    return ['plans', 'changes', 'runs', 'audit', 'calendar'];
  if (type.startsWith('change.')) return ['changes', 'audit'];
  if (type.startsWith('environment.')) return ['environments', 'nodes', 'inventory', 'audit', 'calendar'];
  return ['audit'];
}

/** Events come in bursts; the lists they touch are read at most this often. */
const REFRESH_MS = 400;

const makeQueries = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        // A refusal will be the same next time; only an absent or struggling server is asked again.
        retry: (count, error) => count < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
      },
    },
  });

/** Everything below talks to the server as the signed-in caller; one event stream keeps the lists fresh. */
export function ApiProvider({ session, children }: { session: Session; children: ReactNode }) {
  const caller = useCaller(session);
  const client = useMemo(() => createClient(session), [session]);
  // A new caller must never see what the one before was shown.
  const queries = useMemo(makeQueries, [caller]);
  const [live, setLive] = useState<LiveState>('connecting');
  const [listeners] = useState(() => new Set<(event: LiveEvent) => void>());

  useEffect(() => {
    if (caller === undefined) return undefined;
    const ended = new AbortController();
    const stale = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      timer = undefined;
      for (const key of stale) void queries.invalidateQueries({ queryKey: key.split('/') });
      stale.clear();
    };
    const onEvent = (event: LiveEvent): void => {
      for (const key of staleAfter(event.type)) stale.add(key);
      timer ??= setTimeout(flush, REFRESH_MS);
      for (const listener of listeners) listener(event);
    };
    const onGap = (): void => void queries.invalidateQueries();
    void follow({ client, onEvent, onGap, onState: setLive }, ended.signal);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [client, queries, caller, listeners]);

  const api = useMemo<Api>(() => {
    const onEvent = (listener: (event: LiveEvent) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    return { session, client, live, onEvent };
  }, [session, client, live, listeners]);

  return (
    <ApiContext value={api}>
      <QueryClientProvider client={queries}>{children}</QueryClientProvider>
    </ApiContext>
  );
}
