import type { Plan, Step, Undo } from '../model.ts';
import { reach } from './reach.ts';
import { scheduleLines } from './schedule.ts';
import { hanging, type Style } from './text.ts';
import { count, duration, instant, millis, show, who } from './values.ts';

interface View {
  readonly width: number;
  readonly style: Style;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A plan as people decide about it: what changes, what is sent, what it risks, what to do next. */
export function planLines(plan: Plan, view: View): string[] {
  const sections = [
    head(plan, view),
    failure(plan, view),
    irreversible(plan, view),
    diff(plan, view),
    calls(plan, view),
    judgement(plan, view),
    checks(plan, view),
    reach(plan, view),
    scheduleLines(plan, view),
    next(plan, view),
  ];
  return sections.filter((lines) => lines.length > 0).flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

const STATES: Readonly<Record<string, string>> = { awaiting_approval: 'waits for approval' };

function head(plan: Plan, { width, style, now }: View): string[] {
  const {
    plan_id,
    state,
    environment,
    requests,
    expires_at,
    created_by,
    reason,
    change_id,
    dry_run,
    targets = [],
  } = plan;
  const colour = /^(denied|failed|expired)$/.test(state)
    ? style.red
    : /^(approved|applied)$/.test(state)
      ? style.green
      : style.yellow;
  const open = state === 'approved' || state === 'awaiting_approval';
  const left = (millis(expires_at) - now) / 1000;
  const names = new Map(
    targets.map(({ target, pinned = {} }) => [
      target,
      [pinned['name'], pinned['node'] === undefined ? undefined : `on ${show(pinned['node'])}`]
        .filter((part) => part !== undefined)
        .map(show)
        .join(' '),
    ]),
  );
  const titles = requests.map(({ action, target, newid }) => {
    const name = names.get(target) ?? '';
    return `${action} ${target}${name === '' ? '' : ` (${name})`}${newid === undefined ? '' : ` makes vm/${newid}`}`;
  });
  const facts: [string, string][] = [['environment', environment]];
  if (created_by !== undefined) facts.push(['asked by', who(created_by)]);
  if (open) facts.push(['expires in', left > 0 ? duration(left) : 'no time: it has expired']);
  else facts.push(['made', instant(plan.created_at)]);
  if (reason) facts.push(['reason', reason]);
  if (change_id) facts.push(['change', change_id]);
  return [
    `${style.bold('Plan')} ${plan_id}  ${colour(STATES[state] ?? state)}${dry_run ? '  (dry run)' : ''}`,
    ...titles.flatMap((title) => hanging('  ', title, width, 4)),
    ...facts.flatMap(([name, value]) => hanging(`  ${name.padEnd(13)}`, value, width)),
  ];
}

function failure({ failure }: Plan, { width, style }: View): string[] {
  if (!failure) return [];
  const step = failure.step === undefined ? '' : ` at step ${failure.step}`;
  return [
    style.red(style.bold(`The rehearsal failed${step}`)),
    ...hanging('  ', `${failure.title ?? ''}: ${failure.detail ?? ''}`, width),
  ];
}

function irreversible({ irreversible = [] }: Plan, { width, style }: View): string[] {
  if (irreversible.length === 0) return [];
  const lines = irreversible.flatMap(({ seq, title, why }) =>
    hanging(
      `  ! ${seq === undefined ? '' : `step ${seq}: `}`,
      `${title ?? ''}${why === undefined ? '' : `: ${why}`}`,
      width,
    ),
  );
  return [style.red(style.bold('CANNOT BE UNDONE')), ...lines.map(style.red)];
}

function diff({ diff = [] }: Plan, { width, style }: View): string[] {
  if (diff.length === 0) return [style.bold('Changes'), '  none'];
  const marks = { create: style.green('+'), update: style.yellow('~'), delete: style.red('-') } as const;
  const lines = diff.flatMap(({ object, kind, fields }) => {
    const shown = fields.flatMap(({ name, before, after, effect }) => {
      const change =
        kind === 'create' ? show(after) : kind === 'delete' ? show(before) : `${show(before)} → ${show(after)}`;
      // What is live needs no word; everything else waits for something.
      const label = kind === 'update' && effect !== undefined && effect !== 'live' ? `  [${effect}]` : '';
      return hanging(`      ${name}  `, change + label, width, 8);
    });
    return [`  ${marks[kind]} ${style.bold(object)}`, ...shown];
  });
  return [style.bold('Changes'), ...lines];
}

function calls({ trace = [] }: Plan, view: View): string[] {
  const { style } = view;
  if (trace.length === 0) return [style.bold('Calls to Proxmox VE'), '  none: it only reads'];
  return [style.bold('Calls to Proxmox VE'), ...trace.flatMap((step) => callLines(step, view))];
}

function callLines({ seq, title, method, path, params, task, undo }: Step, { width, style }: View): string[] {
  const started = task ? `  (task ${task})` : '';
  const given = Object.entries(params ?? {}).map(([name, value]) => `${name}=${show(value)}`);
  return [
    ...hanging(`  ${seq}. `, title, width),
    `     ${style.cyan(method)} ${path}${started}`,
    ...(given.length === 0 ? [] : hanging('       ', given.join(' '), width)),
    ...(undo === undefined ? [] : hanging('     ', style.dim(undoText(undo)), width, 7)),
  ];
}

function undoText({ kind, title, method, path, params = {}, why }: Undo): string {
  if (kind === 'call') {
    const given = Object.entries(params).map(([name, value]) => ` ${name}=${show(value)}`);
    return `undo: ${title ?? ''}: ${method ?? ''} ${path ?? ''}${given.join('')}`;
  }
  if (kind === 'with') return `undo: together with "${title ?? ''}"`;
  return kind === 'irreversible' ? `CANNOT BE UNDONE: ${why ?? ''}` : `undo: nothing to do: ${why ?? ''}`;
}

const OUTCOMES: Readonly<Record<string, string>> = { allow: 'allowed without approval', deny: 'denied' };

function judgement({ risk, decision, approvals = [] }: Plan, { width, style }: View): string[] {
  const colours: Readonly<Record<string, (text: string) => string>> = {
    low: style.green,
    medium: style.yellow,
    high: style.red,
  };
  const lines: string[] = [];
  if (risk !== undefined) {
    const base = risk.base === undefined || risk.base === risk.level ? '' : `; ${risk.base} by itself`;
    lines.push(
      ...hanging(
        `${style.bold('Risk')}  `,
        `${(colours[risk.level] ?? String)(risk.level)}${risk.why === undefined ? '' : `: ${risk.why}`}${base}`,
        width,
      ),
    );
    lines.push(
      ...(risk.raises ?? []).flatMap(({ to, reason }) => hanging('      ', `raised to ${to}: ${reason}`, width)),
    );
  }
  if (decision !== undefined) {
    const wanted = decision.approvals_required ?? 1;
    const words = OUTCOMES[decision.outcome] ?? `needs ${count(wanted, 'approval')}, has ${approvals.length}`;
    lines.push(`${style.bold('Decision')}  ${decision.outcome === 'deny' ? style.red(words) : words}`);
    lines.push(...(decision.rules ?? []).flatMap(({ id, why }) => hanging('      ', `${why} (rule ${id})`, width)));
    lines.push(
      ...(decision.obligations ?? []).flatMap((duty) => hanging('      ', `with it: ${dutyText(duty)}`, width)),
    );
  }
  for (const { by, at, comment, method } of approvals) {
    const how = [instant(at), method, comment].filter(Boolean).join(', ');
    lines.push(...hanging('      ', `approved by ${who(by)}: ${how}`, width));
  }
  return lines;
}

function checks({ preflight = [], permissions = [] }: Plan, { width, style }: View): string[] {
  const doubts = preflight.filter(({ result }) => result !== 'pass');
  const missing = permissions.filter(({ held }) => held === false);
  const unknown = permissions.filter(({ held }) => held === null);
  return [
    ...doubts.flatMap(({ check, result, detail }) =>
      hanging(
        `${(result === 'fail' ? style.red : style.yellow)(result)}  `,
        `${check}${detail === undefined ? '' : `: ${detail}`}`,
        width,
      ),
    ),
    ...missing.flatMap(({ path, privilege }) =>
      hanging(`${style.red('missing')}  `, `the token of this environment lacks ${privilege} on ${path}`, width),
    ),
    ...unknown.flatMap(({ path, privilege }) =>
      hanging(`${style.yellow('unknown')}  `, `whether the token has ${privilege} on ${path}`, width),
    ),
  ];
}

const tiedToWindow = ({ decision }: Plan): boolean =>
  (decision?.obligations ?? []).some((duty) => (duty as { obligation?: unknown } | null)?.obligation === 'window');

/** Older servers name an obligation, newer ones say it in words. */
const dutyText = (duty: unknown): string => {
  const { text } = (duty ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text : show(duty);
};

function next(plan: Plan, { style }: View): string[] {
  const { plan_id, state, plan_hash, dry_run, operation_id, schedule } = plan;
  if (state === 'awaiting_approval')
    return [style.bold('Next'), `  proxmox-agent approve ${plan_id} --hash ${plan_hash}`];
  if (state === 'approved' && schedule?.state === 'waiting')
    return [style.bold('Next'), `  proxmox-agent plan unschedule ${plan_id}    (it is applied by itself)`];
  if (state === 'approved')
    return [style.bold('Next'), `  proxmox-agent apply ${plan_id}${tiedToWindow(plan) ? ' --when window' : ''}`];
  if (operation_id !== undefined) return [style.bold('Next'), `  proxmox-agent op show ${operation_id}`];
  if (state === 'planned' && dry_run) return ['A dry run cannot be applied; plan it again without --dry-run.'];
  return [];
}
