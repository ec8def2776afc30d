import type { Context } from '../context.ts';
import type { ActionRow } from '../model.ts';
import { usage } from '../problem.ts';
import { resolveSecrets } from './secrets.ts';
import { readYamlValue } from './source.ts';

type Item = Readonly<Record<string, unknown>>;

/**
 * The body of `POST /v1/plans` from a file: `actions` with `action`, `target`, `params`, `after`, or just the list.
 * Missing ids are a1, a2…; the environment is the one of the command line. Errors: `VALIDATION_FAILED` naming the place.
 */
export async function readPlanFile(
  context: Context,
  file: string,
  pick: (name: string) => Promise<ActionRow>,
): Promise<Record<string, unknown>> {
  const content = await readYamlValue(context, file, '--file');
  const { actions, ...rest } = (Array.isArray(content) ? { actions: content as unknown } : (content ?? {})) as {
    actions?: unknown;
  };
  if (!Array.isArray(actions) || actions.length === 0) throw usage('--file: there is no list `actions` in it.');
  const items: Record<string, unknown>[] = [];
  let fallback: string | undefined;
  for (const [index, item] of (actions as unknown[]).entries()) {
    const read = await readItem(context, item, index, pick);
    read['environment'] ??= fallback ??= await context.environment();
    items.push(read);
  }
  return { ...rest, actions: items };
}

async function readItem(
  context: Context,
  item: unknown,
  index: number,
  pick: (name: string) => Promise<ActionRow>,
): Promise<Record<string, unknown>> {
  const where = `--file: actions.${index}`;
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw usage(`${where} must have \`action\` and \`target\`.`);
  const { action, params } = item as Item;
  if (typeof action !== 'string') throw usage(`${where}.action is missing.`);
  const { params: schema } = await pick(action);
  const resolved =
    params === undefined || params === null
      ? {}
      : { params: resolveSecrets(params, schema, { where: `${where}.params`, literals: true }, context) };
  return { id: `a${index + 1}`, ...item, ...resolved };
}
