import type { Command } from 'commander';
import type { Act } from './program.ts';

/** The rules that decide on plans. */
export function addPolicyCommands(program: Command, act: Act): void {
  const policy = program.command('policy').description('the rules that decide on plans');
  policy
    .command('show')
    .description('show the rules in force')
    .action(act(async () => (await import('./commands/policy.ts')).showPolicy));
  policy
    .command('check <path>')
    .description('check a file or folder of rules on this machine; nothing is sent')
    .action(act(async () => (await import('./commands/policy.ts')).checkPolicy));
  policy
    .command('test <files...>')
    .description('ask the rules about examples; fails when one comes out otherwise')
    .option('--policy <path>', 'ask the rules of this file or folder instead of those in force')
    .action(act(async () => (await import('./commands/policy.ts')).testPolicy));
  policy
    .command('explain <plan_id>')
    .description('why a plan was decided as it was: every rule with the values that it read')
    .action(act(async () => (await import('./commands/policy.ts')).explainPlan));
  policy
    .command('reload')
    .description('let the server read its rules again; broken ones are refused')
    .action(act(async () => (await import('./commands/policy.ts')).reload));
}
