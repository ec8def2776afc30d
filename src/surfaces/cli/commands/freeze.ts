import type { Context } from '../context.ts';
import { instant } from '../render/values.ts';

interface Answer {
  readonly environment: string;
}

const change =
  (verb: 'freeze' | 'thaw', done: string) =>
  async (
    context: Context,
    options: { readonly reason: string; readonly until?: string },
    name: string,
  ): Promise<void> => {
    const { reason, until } = options;
    const body = { reason, ...(until === undefined ? {} : { until }) };
    const answer = await context.api.post<Answer>(`/v1/environments/${encodeURIComponent(name)}/${verb}`, body);
    const end = until === undefined ? '' : ` It ends at ${instant(until)}.`;
    await context.show(answer, ({ environment }) => [`${environment} ${done}${end}`]);
  };

export const freeze = change(
  'freeze',
  'is frozen: nothing new is applied, and running operations wait after their current step.',
);
export const thaw = change('thaw', 'is thawed: operations go on.');
