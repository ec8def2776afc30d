import { readFileSync } from 'node:fs';

let loaded: Readonly<Record<string, string>> | undefined;

/** Name and description of each macro, as a cluster lists them; read from its file on first use, immutable. */
const macros = (): Readonly<Record<string, string>> =>
  (loaded ??= JSON.parse(readFileSync(new URL('./macros.json', import.meta.url), 'utf8')) as Record<string, string>);

export const isMacro = (name: string): boolean =>
  Object.keys(macros()).some((macro) => macro.toLowerCase() === name.toLowerCase());

export const macroList = (): unknown[] => Object.entries(macros()).map(([macro, descr]) => ({ macro, descr }));
