import { Option, type Command } from 'commander';
import type { Act } from './program.ts';

/** Change records: what is meant to happen and why, who said yes, and whether it worked. */
export function addChangeRecordCommands(program: Command, act: Act): void {
  const change = program.command('change').description('change records: why something is done, and whether it worked');
  addDocuments(change, act);
  addSteps(change, act);
}

const category = (): Option =>
  new Option('--category <category>', 'how it is handled').choices(['standard', 'normal', 'emergency']);

function addDocuments(change: Command, act: Act): void {
  change
    .command('new')
    .description('write a new change; it gets the next number')
    .option('--title <text>', 'what it is, in a line')
    .option('--file <file>', 'its content: Markdown (.md), YAML or JSON; - for YAML or JSON on the standard input')
    .addOption(category())
    .action(act(async () => (await import('./commands/changes.ts')).newChange));
  change
    .command('list')
    .description('list changes, newest first')
    .option('--status <status>', 'only changes that stand so, such as in_progress')
    .option('--overdue', 'only emergencies whose review is overdue')
    .option('--all', 'all pages, not only the newest')
    .action(act(async () => (await import('./commands/changes.ts')).listChanges));
  change
    .command('show <change_id>')
    .description('show a change with everything that is known of it')
    .action(act(async () => (await import('./commands/changes.ts')).showChange));
  change
    .command('edit <change_id>')
    .description('rewrite a change, in whole or in part; an approval holds only for the words that were approved')
    .option('--file <file>', 'what is new: Markdown (.md), YAML or JSON; - for YAML or JSON on the standard input')
    .option('--title <text>', 'another title')
    .addOption(category())
    .option('--hash <digest>', 'refuse when the change is not the one with this digest any more')
    .action(act(async () => (await import('./commands/changes.ts')).editChange));
  change
    .command('import <file>')
    .description('take a change from its Markdown document, - for the standard input')
    .action(act(async () => (await import('./commands/changes.ts')).importChange));
  change
    .command('export <change_id> [file]')
    .description('write a change as Markdown, to a file or the standard output')
    .action(act(async () => (await import('./commands/changes.ts')).exportChange));
  change
    .command('calendar')
    .description('list changes on their days, with windows, blackouts, scheduled plans and freezes')
    .option('--days <n>', 'how many days from now', '42')
    .action(act(async () => (await import('./commands/schedule.ts')).showCalendar));
  change
    .command('metrics')
    .description('how often changes fail, how long they take, how many are emergencies')
    .option('--since <time>', 'of the last 90d, 12h…; of all when left out')
    .action(act(async () => (await import('./commands/changes.ts')).showMetrics));
}

function addSteps(change: Command, act: Act): void {
  change
    .command('approve <change_id>')
    .description('approve a change as it stands; only for people')
    .option('--hash <digest>', 'the digest of the change that was read; needed without a terminal')
    .option('--comment <text>', 'kept with the approval')
    .option('--factor <code>', 'your second factor: what the authenticator shows, or a recovery code; - reads it')
    .option('--confirm <digits>', 'the first 8 digits of the digest, for a change that you wrote yourself')
    .option('--yes', 'on a terminal: show the change and do not ask')
    .action(act(async () => (await import('./commands/change_steps.ts')).approve));
  change
    .command('reject <change_id>')
    .description('reject a change; only for people')
    .requiredOption('--note <text>', 'why')
    .action(act(async () => (await import('./commands/change_steps.ts')).reject));
  change
    .command('status <change_id> <status>')
    .description('say where it stands: planned, approved, in_progress, completed, paused, rolled_back')
    .option('--note <text>', 'why; needed for paused and rolled_back')
    .action(act(async () => (await import('./commands/change_steps.ts')).setStatus));
  change
    .command('check <change_id>')
    .description('run the checks of its criteria; fails when one does not pass')
    .action(act(async () => (await import('./commands/change_steps.ts')).check));
  change
    .command('criterion <change_id> <number> <result>')
    .description('say that a criterion has passed or failed; only for people')
    .requiredOption('--evidence <text>', 'what shows it')
    .action(act(async () => (await import('./commands/change_steps.ts')).judge));
  change
    .command('review <change_id>')
    .description('write what was learned of an emergency; only for people')
    .requiredOption('--text <text>', 'the review')
    .action(act(async () => (await import('./commands/change_steps.ts')).review));
  change
    .command('evidence <change_id> <text>')
    .description('add something that shows what was done')
    .action(act(async () => (await import('./commands/change_steps.ts')).addEvidence));
}
