import type { Command } from 'commander';
import type { Act } from './program.ts';

/** From a request to its end: plan, approve, apply, watch. */
export function addChangeCommands(program: Command, act: Act): void {
  addPlan(program, act);
  program
    .command('approve <plan_id>')
    .description('approve a plan as it stands; only for people')
    .option('--hash <plan_hash>', 'the hash of the plan that was read; needed without a terminal')
    .option('--comment <text>', 'kept with the approval')
    .option('--factor <code>', 'your second factor: what the authenticator shows, or a recovery code; - reads it')
    .option('--confirm <digits>', "the first 8 digits of the plan's hash, for your own plan of high risk")
    .option('--yes', 'on a terminal: show the plan and do not ask')
    .action(act(async () => (await import('./commands/decide.ts')).approve));
  program
    .command('reject <plan_id>')
    .description('reject a plan; only for people')
    .option('--comment <text>', 'kept with the rejection')
    .action(act(async () => (await import('./commands/decide.ts')).reject));
  program
    .command('apply <plan_id>')
    .description('apply an approved plan and follow it to its end')
    .option('--no-wait', 'begin it and return')
    .option('--request <json>', 'the request that was planned, JSON or @FILE; another one is refused')
    .option('--when <time>', 'later, by itself: window, or a time such as 2026-12-24T02:00:00+01:00')
    .action(act(async () => (await import('./commands/apply.ts')).apply));
  addOperations(program, act);
  program
    .command('calendar')
    .description('list change windows, blackouts, changes, scheduled plans and freezes')
    .option('--days <n>', 'how many days from now', '42')
    .action(act(async () => (await import('./commands/schedule.ts')).showCalendar));
}

function addPlan(program: Command, act: Act): void {
  const plan = program
    .command('plan [action] [flags...]')
    .description('plan a change: it is rehearsed and shown, nothing is changed')
    .allowUnknownOption()
    .option('--target <target>', 'what to change, such as vm/103')
    .option('--params <json>', 'parameters as JSON, @FILE or - for the standard input; flags win over it')
    .option('--reason <text>', 'why; kept with the plan and in the audit log')
    .option('--change <id>', 'the change record this belongs to, such as CC-001')
    .option('--dry-run', 'only show it; such a plan can never be applied')
    .option('--file <file>', 'several actions as one plan: YAML or JSON, - for the standard input')
    .addHelpText(
      'after',
      '\nThe parameters of the action are flags: `proxmox-agent actions ACTION` lists them.\nExample: proxmox-agent plan vm.clone --target vm/9000 --name web2',
    )
    .action(act(async () => (await import('./commands/plan.ts')).plan));
  plan
    .command('list')
    .description('list plans, newest first')
    .option('--state <state>', 'only plans in this state, such as awaiting_approval')
    .option('--all', 'all pages, not only the newest')
    .action(act(async () => (await import('./commands/plans.ts')).listPlans));
  plan
    .command('show <plan_id>')
    .description('show a plan')
    .action(act(async () => (await import('./commands/plans.ts')).showPlan));
  plan
    .command('cancel <plan_id>')
    .description('take a plan back before it is applied')
    .option('--comment <text>', 'kept with it')
    .action(act(async () => (await import('./commands/decide.ts')).cancelPlan));
  plan
    .command('again <plan_id>')
    .description('plan the same again, as the lab is now; approvals stay when nothing has changed')
    .action(act(async () => (await import('./commands/plan.ts')).planAgain));
  plan
    .command('unschedule <plan_id>')
    .description('take back when a plan would be applied by itself; it stays approved')
    .action(act(async () => (await import('./commands/schedule.ts')).unschedule));
}

function addOperations(program: Command, act: Act): void {
  const op = program.command('op').description('operations: plans that are being applied, or were');
  op.command('list')
    .description('list operations, newest first')
    .option('--active', 'only those that have not ended')
    .option('--all', 'all pages, not only the newest')
    .action(act(async () => (await import('./commands/operations.ts')).listOperations));
  op.command('show <operation_id>')
    .description('show an operation with every step')
    .action(act(async () => (await import('./commands/operations.ts')).showOperation));
  op.command('watch <operation_id>')
    .description('follow an operation to its end')
    .action(act(async () => (await import('./commands/operations.ts')).watchOperation));
  op.command('cancel <operation_id>')
    .description('stop an operation where that is safe; what it did is taken back')
    .action(act(async () => (await import('./commands/operations.ts')).cancelOperation));
  op.command('resume <operation_id>')
    .description('go on with an operation that needed attention')
    .action(act(async () => (await import('./commands/operations.ts')).resumeOperation));
}
