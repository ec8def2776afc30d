/** All checks that need no running program: walls, sizes, generated files, types, lint, licences. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wallBreaches } from './boundaries.ts';
import { filesBelow, ROOT } from './files.ts';
import { actionFiles } from './actions.ts';

interface Result {
  readonly name: string;
  readonly problems: readonly string[];
}

function command(name: string, file: string, args: readonly string[]): Result {
  const { status, stdout, stderr, error } = spawnSync(file, [...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const output = `${stdout ?? ''}${stderr ?? ''}`.trim();
  return { name, problems: status === 0 ? [] : [error?.message ?? output] };
}
const bin = (name: string): string => join(ROOT, 'node_modules/.bin', name);
const node = process.execPath;
const tool = (name: string, script: string, args: readonly string[]): Result =>
  command(name, node, [join(ROOT, 'node_modules', script), ...args]);

/** A longer file or a missing test is a question to answer before it lands. */
function sizes(): Result {
  const files = [
    ...filesBelow('src', '.ts'),
    ...filesBelow('tools', '.ts'),
    ...(existsSync(join(ROOT, 'web/src')) ? [...filesBelow('web/src', '.ts'), ...filesBelow('web/src', '.tsx')] : []),
  ];
  const long = files.filter((file) => !file.includes('.generated.') && lines(file) > 400);
  return { name: 'files of 400 lines at the most', problems: long.map((file) => `${file} has ${lines(file)} lines`) };
}
const lines = (file: string): number => readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1;

function actionTests(): Result {
  const missing = actionFiles().filter(({ file }) => !existsSync(join(ROOT, file.replace(/\.ts$/, '.test.ts'))));
  return {
    name: 'every action has a test',
    problems: missing.map(({ id, file }) => `${id} has no ${file.replace(/\.ts$/, '.test.ts')}`),
  };
}

const REFUSED = /\b(A?GPL|SSPL|BUSL|Commons Clause)/i;
function licences(): Result {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { license?: string }>;
  };
  const bad = Object.entries(packages).filter(
    ([, { license }]) => license !== undefined && REFUSED.test(license) && !/\bOR\b/i.test(license),
  );
  return {
    name: 'no GPL, AGPL or the like among the packages',
    problems: bad.map(([name, { license }]) => `${name}: ${license}`),
  };
}

/** Nothing of the machine that it was written on, and no registry's address, belongs into the repository. */
function leaks(): Result {
  const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
    .split('\n')
    .filter(Boolean);
  const machine = /\/(work|farm)\/|\/tmp\/bash_jobs/;
  const text = tracked.filter(
    (file) => existsSync(join(ROOT, file)) && !/\.(png|db|ico|woff2?)$/.test(file) && file !== 'tools/check.ts',
  );
  const found = text.filter((file) => machine.test(readFileSync(join(ROOT, file), 'utf8')));
  const lock = /"resolved": "https?:/.test(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
    ? ['package-lock.json names a registry']
    : [];
  return {
    name: 'no path of a machine in the repository',
    problems: [...found.map((file) => `${file} names one`), ...lock],
  };
}

export function check(): Result[] {
  const web = existsSync(join(ROOT, 'web/tsconfig.json'))
    ? [command('types of the page', bin('tsc'), ['-p', 'web'])]
    : [];
  return [
    { name: 'walls between the rooms', problems: wallBreaches() },
    sizes(),
    actionTests(),
    licences(),
    leaks(),
    command('generated files', node, [
      '--disable-warning=ExperimentalWarning',
      join(ROOT, 'tools/generate.ts'),
      '--check',
    ]),
    command('types', bin('tsc'), ['-p', '.']),
    ...web,
    tool('lint', 'oxlint/bin/oxlint', ['--type-aware', 'src', 'test', 'tools']),
    tool('format', 'oxfmt/bin/oxfmt', ['--check', 'src', 'test', 'tools', 'web/src']),
  ];
}

if (process.argv[1] === import.meta.filename) {
  const results = check();
  for (const { name, problems } of results)
    console.log(
      problems.length === 0 ? `ok    ${name}` : `FAIL  ${name}\n${problems.map((line) => `      ${line}`).join('\n')}`,
    );
  process.exitCode = results.every(({ problems }) => problems.length === 0) ? 0 : 1;
}
