import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { findPlace, kindOf, listFlags } from '../params/schema.ts';
import { usage } from '../problem.ts';
import type { Change, Operation, Plan } from '../model.ts';
import type { RunbookRow, RunRow } from '../model_runbook.ts';
import { fetchActions } from './catalogue.ts';

/** Each asks the hidden command `__complete` with the words so far, the last of them unfinished. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_proxmox_agent() {
  local line
  COMPREPLY=()
  while IFS=$'\\t' read -r line _; do
    [[ $line == "\${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$line")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _proxmox_agent proxmox-agent pxa`,
  zsh: `#compdef proxmox-agent pxa
_proxmox_agent() {
  local -a found
  local word text
  while IFS=$'\\t' read -r word text; do
    found+=("\${word//:/\\\\:}:$text")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#found} )) && _describe 'proxmox-agent' found || _files
}
compdef _proxmox_agent proxmox-agent pxa`,
  fish: `function __proxmox_agent
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c proxmox-agent -a '(__proxmox_agent)'
complete -c pxa -a '(__proxmox_agent)'`,
};

export async function printScript(context: Context, _options: object, shell: string): Promise<void> {
  const script = SCRIPTS[shell];
  if (script === undefined)
    throw usage(`There is no completion for "${shell}"; known are ${Object.keys(SCRIPTS).join(', ')}.`);
  context.print(script);
}

/** A shell waits for the answer at every press of the key. */
const soon = (): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(1000) });

type Candidate = readonly [word: string, text: string];

/** Prints what may stand in the place of the last word, each with a short text behind a tab. Silent on every error. */
export async function complete(context: Context, _options: object, words: readonly string[]): Promise<void> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const found = await candidates(context, before, last).catch((): Candidate[] => []);
  context.print(
    found
      .filter(([word]) => word.startsWith(last))
      .map(([word, text]) => (text === '' ? word : `${word}\t${text.split('\n')[0]}`)),
  );
}

async function candidates(context: Context, before: readonly string[], last: string): Promise<Candidate[]> {
  const { command, rest } = descend(context.root, before);
  const path = pathOf(command);
  if (path === 'plan' && rest[0] !== undefined)
    return [...(await actionFlags(context, rest[0], before.at(-1) ?? '')), ...options(command)];
  if (last.startsWith('-')) return options(command);
  const commands = command.commands
    .filter((one) => !one.name().startsWith('_'))
    .map((one): Candidate => [one.name(), one.description()]);
  return [...commands, ...(await names(context, path))];
}

/** The command that the words lead to, and its own words without options. */
function descend(root: Command, words: readonly string[]): { command: Command; rest: string[] } {
  let command = root;
  let rest: string[] = [];
  for (const word of words.filter((one) => !one.startsWith('-'))) {
    const next = rest.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
    if (next === undefined) rest = [...rest, word];
    else command = next;
  }
  return { command, rest };
}

const pathOf = (command: Command): string =>
  command.parent?.parent ? `${command.parent.name()} ${command.name()}` : command.name();

function options(command: Command): Candidate[] {
  const own = command.createHelp();
  return [
    ...own.visibleOptions(command),
    ...(command.parent === null ? [] : own.visibleGlobalOptions(command)),
    ...(command.parent?.options ?? []),
  ]
    .flatMap((option): Candidate[] => (option.long ? [[option.long, option.description]] : []))
    .filter(([word], index, all) => all.findIndex(([other]) => other === word) === index);
}

/** What the server knows for the place: actions, plans, operations. */
async function names(context: Context, path: string): Promise<Candidate[]> {
  const quick = soon();
  if (path === 'plan' || path === 'actions')
    return (await fetchActions(context, soon())).body.actions.map(({ name, title }) => [name, title]);
  if (/^(approve|reject|apply|plan show|plan cancel)$/.test(path)) {
    const state = path === 'apply' ? 'approved' : path === 'plan show' ? undefined : 'awaiting_approval';
    const { plans } = (await context.api.get<{ plans: Plan[] }>('/v1/plans', { query: { state }, ...quick })).body;
    return plans.map(({ plan_id, requests }) => [
      plan_id,
      requests.map(({ action, target }) => `${action} ${target}`).join(', '),
    ]);
  }
  if (/^op (show|watch|cancel|resume)$/.test(path)) {
    const { operations } = (await context.api.get<{ operations: Operation[] }>('/v1/operations', quick)).body;
    return operations.map(({ operation_id, state }) => [operation_id, state]);
  }
  if (/^runbook (show|start)$/.test(path)) {
    const { runbooks } = (await context.api.get<{ runbooks: RunbookRow[] }>('/v1/runbooks', quick)).body;
    return runbooks.map(({ id, title }) => [id, title]);
  }
  if (/^runbook (run|step|walk|pause|resume|abort|report)$/.test(path)) {
    const { runs } = (await context.api.get<{ runs: RunRow[] }>('/v1/runbook-runs', quick)).body;
    return runs.map(({ run_id, title, state }) => [run_id, `${title}, ${state}`]);
  }
  if (/^change (?!new$|list$|import$|metrics$)/.test(path)) {
    const { changes } = (await context.api.get<{ changes: Change[] }>('/v1/changes', quick)).body;
    return changes.map(({ id, title }) => [id, title]);
  }
  return [];
}

/** The flags of an action, or the values of the flag that stands before. */
async function actionFlags(context: Context, name: string, previous: string): Promise<Candidate[]> {
  const { actions } = (await fetchActions(context, soon())).body;
  const action = actions.find((one) => one.name === name || one.aliases?.includes(name));
  if (action === undefined) return [];
  const values = previous.startsWith('--') ? findPlace(action.params, previous.slice(2))?.schema : undefined;
  const allowed = values?.enum ?? values?.items?.enum;
  if (allowed !== undefined) return allowed.map((value) => [String(value), '']);
  return listFlags(action.params).map(({ name: flag, schema }) => [`--${flag}`, schema.description ?? kindOf(schema)]);
}
