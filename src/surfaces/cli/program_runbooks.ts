import type { Command } from 'commander';
import type { Act } from './program.ts';

const append = (value: string, before: string[] = []): string[] => [...before, value];

/** Runbooks and their runs. */
export function addRunbookCommands(program: Command, act: Act): void {
  const runbook = program
    .command('runbook')
    .description('procedures step by step, with who did what and what was seen');
  runbook
    .command('list')
    .description('list the runbooks')
    .action(act(async () => (await import('./commands/runbooks.ts')).listRunbooks));
  runbook
    .command('show <id>')
    .description('show a runbook with its parameters and steps')
    .action(act(async () => (await import('./commands/runbooks.ts')).showRunbook));
  runbook
    .command('lint <files...>')
    .description('check runbooks on this machine; nothing is sent')
    .action(act(async () => (await import('./commands/runbooks.ts')).lint));
  runbook
    .command('start <id>')
    .description('start a runbook; on a terminal, ask for its parameters and walk through it')
    .option('-p, --param <name=value>', 'a parameter (repeat it for more)', append)
    .option('--change <id>', 'the change record that this belongs to, such as CC-001')
    .option('--no-walk', 'start it and return')
    .action(act(async () => (await import('./commands/runbook_start.ts')).start));
  runbook
    .command('walk <run_id>')
    .description('go on with a run on a terminal, step by step')
    .action(act(async () => (await import('./commands/runbook_start.ts')).walkOn));
  addRuns(runbook, act);
}

function addRuns(runbook: Command, act: Act): void {
  runbook
    .command('run-list')
    .description('list runs, newest first')
    .option('--state <state>', 'only runs in this state, such as waiting')
    .option('--all', 'all pages, not only the newest')
    .action(act(async () => (await import('./commands/runbook_runs.ts')).listRuns));
  runbook
    .command('run <run_id>')
    .description('show a run with its steps')
    .action(act(async () => (await import('./commands/runbook_runs.ts')).showRun));
  runbook
    .command('step <run_id> <number>')
    .description('say something to the step that a run stands at')
    .option('--answer <yes|no>', 'a manual step: whether what it asks for is so; only for people')
    .option('--evidence <text>', 'with --answer: what was seen; no passwords, it is kept for ever')
    .option('--approve', 'an approval step: say yes; only for people')
    .option('--comment <text>', 'with --approve: kept with it')
    .option('--run', 'an action, host or probe step: do it; the plan is applied once it is approved')
    .option('--skip <reason>', 'leave the step out; only for people')
    .option('--retry', 'clear a failed try away')
    .action(act(async () => (await import('./commands/runbook_runs.ts')).sayToStep));
  runbook
    .command('pause <run_id>')
    .description('stop a run where it stands')
    .requiredOption('--reason <text>', 'why; stands in the report')
    .action(act(async () => (await import('./commands/runbook_runs.ts')).pause));
  runbook
    .command('resume <run_id>')
    .description('let a paused run go on')
    .action(act(async () => (await import('./commands/runbook_runs.ts')).resume));
  runbook
    .command('abort <run_id>')
    .description('end a run before its last step; a plan of it that waits is taken back')
    .requiredOption('--reason <text>', 'why; stands in the report')
    .action(act(async () => (await import('./commands/runbook_runs.ts')).abort));
  runbook
    .command('report <run_id>')
    .description('print the report of a run as Markdown')
    .action(act(async () => (await import('./commands/runbook_runs.ts')).report));
}
