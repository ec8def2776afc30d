import { basename, resolve } from 'node:path';
import { policyFiles, readExamples, readRules, runExamples, type ExampleResult } from '../../../changes/index.ts';
import type { Context } from '../context.ts';
import { usage } from '../problem.ts';
import { readFileText } from '../params/source.ts';
import { hanging } from '../render/text.ts';
import { explanationLines, policyLines, type ExplanationRow, type PolicyRow } from '../render/policy.ts';

export async function showPolicy(context: Context): Promise<void> {
  await context.show(await context.api.get<PolicyRow>('/v1/policy'), (body) => policyLines(body, context));
}

export async function reload(context: Context): Promise<void> {
  const answer = await context.api.post<PolicyRow & { readonly changed: boolean }>('/v1/policy/reload');
  await context.show(answer, ({ changed, hash, rules }) => [
    `${changed ? 'Read again' : 'As it was'}: ${rules.length} rules, version ${hash.slice(0, 12)}.`,
  ]);
}

/** Errors: `POLICY_INVALID` with file, line and column of everything that is wrong. */
export async function checkPolicy(context: Context, _options: object, path: string): Promise<void> {
  const { rules, hash } = await readRules(policyFiles(resolve(path)));
  if (context.json) context.print(JSON.stringify({ hash, rules: rules.map(({ id, effect }) => ({ id, effect })) }));
  else context.print(`${rules.length} rules, nothing wrong. Version ${hash.slice(0, 12)}.`);
}

interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly results: readonly ExampleResult[];
}

/** Exit code 1 when an example comes out otherwise than it says. */
export async function testPolicy(
  context: Context,
  { policy }: { readonly policy?: string },
  files: readonly string[],
): Promise<number> {
  const tests = files.flatMap((file) => {
    if (file === '-') throw usage('policy test reads files, not the standard input.');
    return [...readExamples(basename(file), readFileText(file, 'policy test'))];
  });
  const report =
    policy === undefined
      ? (await context.api.post<Report>('/v1/policy/test', { tests })).body
      : count(runExamples(await readRules(policyFiles(resolve(policy))), tests));
  if (context.json) context.print(JSON.stringify(report));
  else context.print(reportLines(report, context));
  return report.failed === 0 ? 0 : 1;
}

function count(results: readonly ExampleResult[]): Report {
  const passed = results.filter((one) => one.passed).length;
  return { passed, failed: results.length - passed, results };
}

function reportLines({ passed, failed, results }: Report, { style, width }: Context): string[] {
  const lines = results.flatMap(({ name, passed: good, differences, rules }) => [
    ...hanging(`${good ? style.green('pass') : style.red('FAIL')}  `, name, width, 6),
    ...differences.flatMap((words) => hanging('        ', words, width)),
    ...(good ? [] : rules.flatMap(({ id, why }) => hanging('        ', `rule ${id}: ${why}`, width))),
  ]);
  return [...lines, '', `${passed} passed, ${failed} failed`];
}

export async function explainPlan(context: Context, _options: object, plan_id: string): Promise<void> {
  const answer = await context.api.get<ExplanationRow>(`/v1/plans/${encodeURIComponent(plan_id)}/explain`);
  await context.show(answer, (body) => explanationLines(body, context));
}
