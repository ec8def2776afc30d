import { spawnSync } from 'node:child_process';

/** Whether REQUIRE_ALL makes an absent program a failure instead of a skip. */
const REQUIRED = process.env['REQUIRE_ALL'] === '1';

/** Whether a program of the machine runs; a test that needs it is skipped by `it.skipIf(absent(…))`, which names it. */
export function absent(program: string, ...args: readonly string[]): boolean {
  const { status } = spawnSync(program, args.length === 0 ? ['--version'] : [...args], { stdio: 'ignore' });
  return status !== 0 && !REQUIRED;
}
