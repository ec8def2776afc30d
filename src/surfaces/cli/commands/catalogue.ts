import { nearest } from '../../../kernel/nearest.ts';
import type { Answer, CallOptions } from '../api.ts';
import type { Context } from '../context.ts';
import type { ActionRow } from '../model.ts';
import { usage } from '../problem.ts';

export const fetchActions = (context: Context, options: CallOptions = {}): Promise<Answer<{ actions: ActionRow[] }>> =>
  context.api.get('/v1/actions', options);

/** By name or older name. Errors: `VALIDATION_FAILED` with the nearest name. */
export async function pickAction(
  actions: readonly ActionRow[],
  name: string,
  more: readonly string[] = [],
): Promise<ActionRow> {
  const action = actions.find((one) => one.name === name || one.aliases?.includes(name));
  if (action !== undefined) return action;
  const hint = nearest(name, [...actions.map((one) => one.name), ...more]);
  throw usage(
    `There is no action "${name}".${hint === undefined ? '' : ` Did you mean ${hint}?`}`,
    'Nothing was sent. `proxmox-agent actions` lists them.',
  );
}
