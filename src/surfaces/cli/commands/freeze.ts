import type { Context } from '../context.ts';

interface Answer {
  readonly environment: string;
}

const change =
  (verb: 'freeze' | 'thaw', done: string) =>
  async (context: Context, { reason }: { readonly reason: string }, name: string): Promise<void> => {
    const answer = await context.api.post<Answer>(`/v1/environments/${encodeURIComponent(name)}/${verb}`, { reason });
    await context.show(answer, ({ environment }) => [`${environment} ${done}`]);
  };

export const freeze = change(
  'freeze',
  'is frozen: nothing new is applied, and running operations wait after their current step.',
);
export const thaw = change('thaw', 'is thawed: operations go on.');
