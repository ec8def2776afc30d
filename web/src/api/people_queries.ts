import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Client } from './client.ts';
import type { PersonRow, TheirSessions, Token } from './people_types.ts';
import { useOnce, useRead } from './queries.ts';

/** No event tells of people and tokens, so what others do is seen after this long. */
const EVERY_MS = 20_000;
const often = { refetchInterval: EVERY_MS };

export const usePeople = (enabled: boolean) =>
  useRead<{ people: PersonRow[] }>(['people', 'list'], '/v1/people', { ...often, enabled });

export const useTokens = (enabled: boolean) =>
  useRead<{ tokens: Token[] }>(['people', 'tokens'], '/v1/tokens', { ...often, enabled });

export const useTheirSessions = (id: string) =>
  useRead<TheirSessions>(['people', 'sessions', id], `/v1/people/${encodeURIComponent(id)}/sessions`, often);

/** A change of people or tokens; whatever the answer, the lists are read again after it. Sent again, it is done once. */
export function usePeopleChange<T, V>(what: (client: Client, input: V) => Promise<T>) {
  const client = useOnce();
  const queries = useQueryClient();
  return useMutation<T, Error, V>({
    mutationFn: (input) => what(client, input),
    onSettled: () => {
      for (const key of ['people', 'account', 'audit']) void queries.invalidateQueries({ queryKey: [key] });
    },
  });
}
