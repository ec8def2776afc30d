import { unlessClosed } from './pipe.ts';
import { exitCode, problemLines, problemText } from './problem.ts';
import type { CliDeps, Io } from './types.ts';
import { version } from './version.ts';

/**
 * One command line: runs it and answers the exit code (0 done, 1 failed, 2 usage, 3 denied, 4 approval needed, 5 not
 * found, 6 conflict, 7 unreachable, 8 needs attention). Every error ends here and is printed once; never throws.
 */
export async function runCli(argv: string[], io: Io, deps: CliDeps = {}): Promise<number> {
  try {
    const [first = '', ...rest] = argv;
    if (first === '--version' || first === '-V') {
      io.stdout.write(`${version()}\n`);
      return 0;
    }
    // Programs of their own: their options are not ours to read.
    if (first === 'serve' && deps.serve !== undefined) return await deps.serve(rest);
    if (first === 'simulator' && deps.simulator !== undefined) return await deps.simulator(rest);
    io.stdout.on('error', unlessClosed);
    const { runProgram } = await import('./program.ts');
    return await runProgram(argv, io, deps);
  } catch (error) {
    if (wantsJson(argv)) io.stdout.write(`${problemText(error)}\n`);
    else for (const line of problemLines(error, io.stderr.columns ?? 80)) io.stderr.write(`${line}\n`);
    return exitCode(error);
  }
}

/** Read by hand, because the error may be one of reading the command line. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}
