export { runCli } from './run.ts';
export type { CliDeps, Io, TextOutput } from './types.ts';
