import type { Context } from '../context.ts';
import type { ActionRow } from '../model.ts';
import { kindOf, listFlags } from '../params/schema.ts';
import { table } from '../render/table.ts';
import { hanging, type Style } from '../render/text.ts';
import { fetchActions, pickAction } from './catalogue.ts';

/** The catalogue, or one action with its parameters, risk and an example. */
export async function showActions(context: Context, _options: object, name?: string): Promise<void> {
  const answer = await fetchActions(context);
  const { actions } = answer.body;
  if (name === undefined) {
    const rows = actions.map((action) => [action.name, action.target, action.risk, action.title]);
    return context.show(answer, () => table(['ACTION', 'TARGET', 'RISK', 'WHAT IT DOES'], rows, context));
  }
  const action = await pickAction(actions, name);
  if (context.json) {
    // One of the list, with the text as the server sent it and not as made safe for a terminal.
    const sent = (JSON.parse(answer.text) as { actions: ActionRow[] }).actions.find((one) => one.name === action.name);
    return context.print(JSON.stringify(sent));
  }
  context.print(actionLines(action, context));
}

function actionLines(action: ActionRow, { width, style }: Context): string[] {
  const { name, title, aliases = [], summary, target, risk, risk_why, example } = action;
  return [
    `${style.bold(name)}  ${title}`,
    ...(summary === undefined ? [] : hanging('  ', summary, width)),
    ...(aliases.length === 0 ? [] : [`  also: ${aliases.join(', ')}`]),
    `  target: ${target}`,
    ...hanging('  risk: ', `${risk}${risk_why === undefined ? '' : ` (${risk_why})`}`, width),
    '',
    style.bold('Parameters'),
    ...parameterLines(action, width, style),
    ...(example === undefined
      ? []
      : ['', style.bold('Example'), ...hanging('  ', exampleLine(name, example), width, 4)]),
  ];
}

function parameterLines({ params }: ActionRow, width: number, style: Style): string[] {
  const flags = listFlags(params);
  if (flags.length === 0) return ['  none'];
  return flags.flatMap(({ name, schema, required }) => {
    const start = schema.default === undefined ? '' : `; default ${JSON.stringify(schema.default)}`;
    const head = `  ${style.cyan(`--${name}`)}  ${style.dim(`${kindOf(schema)}${start}${required ? '; required' : ''}`)}`;
    return [head, ...(schema.description === undefined ? [] : hanging('      ', schema.description, width))];
  });
}

function exampleLine(name: string, { target, params = {} }: NonNullable<ActionRow['example']>): string {
  const flags = Object.entries(params).flatMap(([key, value]) => asFlags(key, value));
  return ['proxmox-agent plan', name, ...(target === undefined ? [] : [`--target ${target}`]), ...flags].join(' ');
}

function asFlags(name: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => asFlags(name, item));
  if (value === true) return [`--${name}`];
  if (value === false) return [`--no-${name}`];
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, item]) => asFlags(`${name}.${key}`, item));
  const text = String(value);
  return [`--${name} ${/^[\w./:+@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`}`];
}
