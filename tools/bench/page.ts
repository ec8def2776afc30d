import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { ratioOf, type Figure } from './figure.ts';

const HEAD = ['| figure | measured | baseline in the same run | ratio | limit |', '|---|---|---|---|---|'];

const number = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : String(Math.round(value * 100) / 100);

function row(figure: Figure): string {
  const ratio = ratioOf(figure);
  const baseline = figure.baseline === undefined ? '' : `${number(figure.baseline)} (${figure.what})`;
  return `| ${figure.name} | ${number(figure.value)} ${figure.unit} | ${baseline} | ${ratio === undefined ? '' : number(ratio)} | ${figure.limit ?? ''} |`;
}

export const table = (figures: readonly Figure[]): string => [...HEAD, ...figures.map(row)].join('\n');

/** The page with these figures renewed; those that were not measured now stay as they were. */
export function renewed(file: string, figures: readonly Figure[]): string {
  const rows = new Map<string, string>();
  const known = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  for (const line of known) {
    const name = /^\| (?!figure |---)(.+?) \|/.exec(line)?.[1];
    if (name !== undefined) rows.set(name, line);
  }
  for (const figure of figures) rows.set(figure.name, row(figure));
  const machine = `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? ''}, Node ${process.versions.node}`;
  return `# Benchmarks

Repeat with \`npm run bench\` (\`npm run bench -- twin\` for one part, \`--json\` for programs, \`--write\` to renew this page).
Figures depend on the machine; the ratio to a baseline of the same run is what to compare. Node runs with the flags of
\`bin/proxmox-agent\`.

This machine: ${machine}.

${[...HEAD, ...rows.values()].join('\n')}
`;
}
