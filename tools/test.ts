/**
 * `npm test`: the static checks, then every test. What needs a program that is absent is reported as skipped by its
 * name; with REQUIRE_ALL=1 a skip is a failure. The last line counts: `N passed, M failed`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from './check.ts';
import { ROOT } from './files.ts';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const filters = process.argv.slice(2);
let failedChecks = 0;
const results = filters.length > 0 ? [] : check();
for (const { name, problems } of results) {
  console.log(problems.length === 0 ? `ok    ${name}` : `FAIL  ${name}\n${problems.join('\n')}`);
  if (problems.length > 0) failedChecks++;
}

const folder = mkdtempSync(join(tmpdir(), 'proxmox-agent-test-'));
const report = join(folder, 'report.json');
const vitest = spawnSync(
  process.execPath,
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...filters,
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
let summary: VitestReport | undefined;
try {
  summary = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
} catch {
  console.log('the test runner did not finish');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const skipped = (summary?.testResults ?? []).flatMap(({ assertionResults }) =>
  assertionResults
    .filter(({ status }) => status === 'pending' || status === 'skipped' || status === 'todo')
    .map(({ fullName }) => fullName),
);
for (const name of skipped) console.log(`skipped: ${name}`);
const required = process.env['REQUIRE_ALL'] === '1' ? skipped.length : 0;
const brokenFiles =
  summary === undefined
    ? 1
    : summary.success || summary.numFailedTests > 0
      ? 0
      : Math.max(1, summary.numFailedTestSuites);
const failed = failedChecks + (summary?.numFailedTests ?? 0) + required + brokenFiles;
const passed = results.length - failedChecks + (summary?.numPassedTests ?? 0);
console.log(`${passed} passed, ${failed} failed${skipped.length > required ? `, ${skipped.length} skipped` : ''}`);
process.exitCode = failed > 0 || vitest.status !== 0 ? 1 : 0;
