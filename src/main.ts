import { stopSignal } from './stop.ts';

/** The program: `serve`, `simulator`, and everything else is the command line that talks to a server. */
const argv = process.argv.slice(2);
const io = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  // Who pipes something in is not there to be asked.
  isTTY: process.stdin.isTTY && process.stdout.isTTY,
};
const serve = async (args: string[]): Promise<number> => {
  // Before the program is loaded, which takes most of a start: the first process of a container has no default for it.
  const stopped = stopSignal();
  return (await import('./serve.ts')).serve(args, io, stopped);
};
const simulator = async (args: string[]): Promise<number> => (await import('./simulator/index.ts')).runSimulator(args);

const [command, ...rest] = argv;
if (command === 'serve') process.exitCode = await serve(rest);
else if (command === 'simulator') process.exitCode = await simulator(rest);
else process.exitCode = await (await import('./surfaces/cli/index.ts')).runCli(argv, io, { serve, simulator });
